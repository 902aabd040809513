// Package powercut_test cuts the power: it records what a process asks of the disk, builds
// the folders that a machine could find after a crash at any moment of it, and opens them.
//
// A child process runs a workload under the tracer, which stops it at each system call that
// changes a file or a folder, or makes a change durable. The child says in the same sequence
// which calls have returned and what subscribers were told. From this record the tests build
// images: everything that was synced, and of the rest any part. Another process opens each
// image with groupkit.Open.
package powercut_test
