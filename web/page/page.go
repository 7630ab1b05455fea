// Package page is the page that people use: a chat, and a debugger that shows
// what the model saw. It is written in TypeScript (src), bundled by build.mjs
// into dist, and dist is what the program carries: the build of the program
// needs no Node.
package page

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files returns the files of the page, index.html at the top.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return files
}
