//go:build !js && !wasip1 && !plan9

package sockstore

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Listen makes a socket at path that only the user of this process can open. A socket that a process
// has left behind, and that nobody serves, is replaced. Closing the listener removes the socket.
//
// Returns an error that matches fs.ErrExist if something else is at path, or a process that serves it,
// and an error if the path is longer than the system allows for sockets, which is about 100 bytes.
func Listen(path string) (net.Listener, error) {
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		return nil, fmt.Errorf("sockstore: the path of a socket has %d bytes (at most %d): %q", len(path), most, path)
	}
	if err := clear(path); err != nil {
		return nil, fmt.Errorf("sockstore: %w", err)
	}
	l, err := private(path)
	if err != nil {
		return nil, fmt.Errorf("sockstore: listening at %q: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sockstore: %w", err), l.Close())
	}
	return &listener{l, path, made}, nil
}

// clear removes the socket of a process that has ended.
func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%q is not a socket: %w", path, fs.ErrExist)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close() // nothing was said
		return fmt.Errorf("a process serves %q: %w", path, fs.ErrExist)
	}
	return os.Remove(path)
}

// private listens at path. The socket has its mode before anybody can find it: it is made in a folder
// that nobody else can enter.
func private(path string) (*net.UnixListener, error) {
	if runtime.GOOS == "windows" { // where the folder of the socket says who may open it
		return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// A listener removes its socket when it is closed, but not what has taken its place.
type listener struct {
	net.Listener
	path string
	made fs.FileInfo
}

func (l *listener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
		_ = os.Remove(l.path) // Listen replaces what stays
	}
	return l.Listener.Close()
}
