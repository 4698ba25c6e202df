// Files in the program: as a string, as bytes and as a file system.
package main

import (
	"embed"
	"fmt"
	"io/fs"
	"log"
)

//go:embed texts/short.txt
var short string

//go:embed texts/long.txt
var long []byte

//go:embed texts
var texts embed.FS

func main() {
	fmt.Print(short)
	fmt.Println(len(long), string(long[:9]))
	err := fs.WalkDir(texts, ".", func(path string, entry fs.DirEntry, err error) error {
		fmt.Println(path, entry.IsDir())
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
