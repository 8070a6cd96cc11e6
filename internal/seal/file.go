package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createFile puts a whole file where none is, or leaves the one that is there. It is on disk when it returns.
func createFile(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	// A link, not a rename: of two that make the file at once the second must not replace the key of the first.
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(path)
}

// replaceFile puts a whole file in the place of the one that is there: after a crash it is the old one or the new one.
func replaceFile(path string, content []byte) error {
	temporary, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	return syncFolder(path)
}

// writeBeside writes a new file, readable by its owner only, into the folder of path.
func writeBeside(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // CreateTemp's mode is 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncFolder makes a file's name as durable as its content.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
