//go:build !viewer

package view

// HasWindow says whether the program can open a window.
const HasWindow = false
