// Package cdkblob keeps the contents of shared files in an object storage: Amazon S3 and what speaks its
// protocol, Google Cloud Storage, Azure Blob Storage. It is a store.Blobs over [gocloud.dev/blob], beside
// any store.Store.
//
// The package links no driver. Import the driver of the storage beside it, and open its URL:
//
//	import _ "gocloud.dev/blob/s3blob" // Amazon S3, MinIO, Ceph, R2 …
//	contents, err := cdkblob.Open(ctx, "s3://bucket?region=eu-central-1", nil)
//
//	import _ "gocloud.dev/blob/gcsblob" // Google Cloud Storage
//	contents, err := cdkblob.Open(ctx, "gs://bucket", nil)
//
//	import _ "gocloud.dev/blob/azureblob" // Azure Blob Storage
//	contents, err := cdkblob.Open(ctx, "azblob://container?storage_account=account", nil)
//
//	import _ "gocloud.dev/blob/fileblob" // a folder, for development
//	contents, err := cdkblob.Open(ctx, "file:///var/lib/guilds/contents?no_tmp_dir=true&metadata=skip", nil)
//
//	import _ "gocloud.dev/blob/memblob" // memory, for tests
//	contents, err := cdkblob.Open(ctx, "mem://", nil)
//
// Each driver says what else its URL can contain, and where it finds the credentials. The engine gets the
// contents beside the store:
//
//	eng, err := groupkit.New(s, contents, nil)
//
// # Keys
//
// The key of a content is the prefix ([Options.Prefix]) and the ID of the content. Everything else in the
// bucket stays as it is. Each app needs a bucket or a prefix of its own.
//
// # What a storage promises
//
// The engine needs three things of a bucket, and the three services promise them: a content that was put
// is there for everyone at once, and so is its deletion; a content appears as a whole or not at all; a
// listing is in byte order.
//
//   - Amazon S3: so since December 2020, for reads and listings. Directory buckets (S3 Express One Zone) list in no
//     order, and List refuses them. Others that speak the protocol must be asked.
//   - Google Cloud Storage: so for reads and listings. A bucket that is public, or whose objects have a
//     Cache-Control that allows it, can be answered from caches: do not make it so.
//   - Azure Blob Storage: so within the primary region. Do not read from a secondary (RA-GRS). An account with
//     a hierarchical namespace must list in byte order too, or List refuses it.
//   - gocloud.dev/blob/fileblob does not sync: after a power cut a content that was put can be missing or
//     empty. Use package store/fileblob to keep contents in a folder.
//
// # What none promises
//
//   - A content that is being read, and is deleted or replaced meanwhile, can be read on. After a Seek it cannot:
//     Read then returns store.ErrNoBlob. It never goes on with bytes of another content, unless that has the same size
//     and was put within the resolution of the times of the storage. The engine replaces no content of a file.
//   - What a Put leaves that a crash cut off is invisible, but some storages charge for it. S3 keeps the parts
//     of an upload: give the bucket a lifecycle rule with AbortIncompleteMultipartUpload. Google Cloud Storage and Azure
//     remove theirs after a week.
//   - If ctx ends, or the connection breaks, while Put waits for the last answer, the content can be there all the
//     same. The engine then removes it.
//   - Versioning and soft deletion of the bucket keep what Delete removes.
package cdkblob
