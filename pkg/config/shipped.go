package config

import (
	"os"
	"path/filepath"
)

// Shipped returns the path of a file that is installed with the program, such as
// wanctl.yaml: below the program's own prefix, or in the tree that it was built in. It is
// "" where there is none, as in a container.
func Shipped(name string) string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return shippedWith(program, name)
}

func shippedWith(program, name string) string {
	prefix := filepath.Dir(filepath.Dir(program))
	for _, path := range []string{
		filepath.Join(prefix, "share/wanctl", name), filepath.Join(prefix, "configs", name), filepath.Join("configs", name),
	} {
		if exists(path) {
			return path
		}
	}
	return ""
}
