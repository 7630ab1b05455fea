package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"debug/elf"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed control.tmpl
var controlText string

// writeDeb makes a Debian package of what is staged for a target, by dpkg-deb.
func (b *build) writeDeb(t target, stage, work string) error {
	root := filepath.Join(work, "deb-"+t.arch)
	if err := b.layOut(stage, root); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "usr/share/doc/pixtral-wgpu/changelog.gz"), b.changelog(), 0o666); err != nil {
		return err
	}
	libc, err := needsLibc(filepath.Join(stage, "pixtral-wgpu"))
	if err != nil {
		return err
	}
	control := template.Must(template.New("control").Parse(controlText))
	var text bytes.Buffer
	if err := control.Execute(&text, map[string]any{
		"Version": debVersion(b.version), "Arch": t.arch, "Libc": libc, "Size": sizeOf(root) >> 10,
		"Maintainer": b.maintainer,
	}); err != nil {
		return err
	}
	path := filepath.Join(root, "DEBIAN", "control")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		return err
	}
	if err := setModes(root); err != nil {
		return err
	}
	name := fmt.Sprintf("pixtral-wgpu_%s_%s.deb", debVersion(b.version), t.arch)
	cmd := exec.Command("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", root, filepath.Join(b.out, name))
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(b.time.Unix(), 10), "DPKG_DEB_THREADS_MAX=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// layOut puts the staged files where Debian's policy wants them.
func (b *build) layOut(stage, root string) error {
	return each(stage, func(name string, _ fs.FileMode, data []byte) error {
		doc := "usr/share/doc/pixtral-wgpu/"
		to := doc + name
		switch base := filepath.Base(name); {
		case name == "pixtral-wgpu":
			to = "usr/bin/pixtral-wgpu"
		case name == "LICENSE":
			to, data = doc+"copyright", []byte(copyright)
		case strings.HasPrefix(name, "man/"):
			to, data = "usr/share/man/man1/"+base+".gz", compress(data)
		case base == "pixtral-wgpu.bash":
			to = "usr/share/bash-completion/completions/pixtral-wgpu"
		case base == "pixtral-wgpu.fish":
			to = "usr/share/fish/vendor_completions.d/pixtral-wgpu.fish"
		case base == "_pixtral-wgpu":
			to = "usr/share/zsh/vendor-completions/_pixtral-wgpu"
		case base == "pixtral-wgpu.ps1":
			return nil
		}
		path := filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o666)
	})
}

const copyright = `Copyright 2026 the authors of pixtral-wgpu

Licensed under the Apache License, Version 2.0, which is on Debian systems
/usr/share/common-licenses/Apache-2.0. The licences of what is inside the
program are in the directory licences, beside this file.
`

// changelog is what Debian's tools want to read; the true one lies beside it.
func (b *build) changelog() []byte {
	return compress(fmt.Appendf(nil, "pixtral-wgpu (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n",
		debVersion(b.version), b.maintainer, b.time.Format(time.RFC1123Z)))
}

// compress is gzip -9n.
func compress(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(data) // a buffer takes everything
	z.Close()
	return b.Bytes()
}

// setModes gives what lies under root the modes it is to have, whatever our umask.
func setModes(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		mode := fs.FileMode(0o644)
		if rel, _ := filepath.Rel(root, path); rel == filepath.Join("usr", "bin", "pixtral-wgpu") || d != nil && d.IsDir() {
			mode = 0o755
		}
		return cmp.Or(err, os.Chmod(path, mode))
	})
}

// sizeOf returns the bytes of all files under a directory.
func sizeOf(dir string) (n int) {
	each(dir, func(_ string, _ fs.FileMode, data []byte) error {
		n += len(data)
		return nil
	})
	return n
}

// needsLibc returns the version of the C library that a program needs, for
// example "2.35".
func needsLibc(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return "", err
	}
	most := 0
	for _, s := range symbols {
		if minor, ok := strings.CutPrefix(s.Version, "GLIBC_2."); ok {
			n, _ := strconv.Atoi(strings.Split(minor, ".")[0])
			most = max(most, n)
		}
	}
	if most == 0 {
		return "", fmt.Errorf("%s does not say which C library it needs", path)
	}
	return fmt.Sprintf("2.%d", most), nil
}

var prerelease = regexp.MustCompile(`-(alpha|beta|rc)`)

// debVersion writes a version as Debian compares them: 1.2.0-rc.1 comes before
// 1.2.0, and 1.2.0-5-g1234567, which is git's, after it.
func debVersion(version string) string {
	return strings.ReplaceAll(prerelease.ReplaceAllString(version, "~$1"), "-", "+")
}
