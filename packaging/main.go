// Command packaging makes what people install: for each system an archive of
// the program, its manual, completions and all licences; Debian packages and a
// Homebrew formula of the same files; and the checksums of everything. "make
// dist" runs it. What it makes depends on the sources and the compilers only.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A build is what all systems share.
type build struct {
	version, commit string
	time            time.Time // of every file
	out             string    // directory of the archives
	manual          string    // directory that "pixtral-wgpu man" wrote
	maintainer      string
	url             string // where the archives will be, for the formula
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("packaging: ")
	var b build
	seconds := flag.Int64("time", 0, "seconds since 1970 that every file is dated")
	flag.StringVar(&b.version, "version", "", "version of the program")
	flag.StringVar(&b.commit, "commit", "", "commit it is built from")
	flag.StringVar(&b.out, "out", "bin/dist", "directory to write into")
	flag.StringVar(&b.maintainer, "maintainer", "the authors of pixtral-wgpu <nobody@example.com>", "name and address, for the Debian packages")
	flag.StringVar(&b.url, "url", "", "address of the directory the archives are put in, for the formula")
	flag.Parse()
	b.time = time.Unix(max(*seconds, earliest), 0).UTC()
	if err := b.run(flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// earliest is the first second that a zip file can hold.
const earliest = 315532800

func (b *build) run(targets []string) error {
	if b.version == "" {
		return fmt.Errorf("usage: packaging -version V [flags] [SYSTEM/ARCHITECTURE...]; without a system, only sums and formula of what is there")
	}
	if err := os.MkdirAll(b.out, 0o777); err != nil {
		return err
	}
	if len(targets) > 0 {
		if err := b.packAll(targets); err != nil {
			return err
		}
	}
	if err := b.writeSums(); err != nil {
		return err
	}
	return b.writeFormula()
}

func (b *build) packAll(targets []string) error {
	work, err := os.MkdirTemp("", "packaging-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if b.manual, err = b.writeManual(work); err != nil {
		return fmt.Errorf("manual: %w", err)
	}
	for _, name := range targets {
		t, ok := targetsByName[name]
		if !ok {
			return fmt.Errorf("there is no target %q; there are %s", name, targetNames())
		}
		start := time.Now()
		if err := b.pack(t, filepath.Join(work, "stage")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		log.Printf("%s, %d s", name, int(time.Since(start).Seconds()))
	}
	return nil
}

// pack makes everything for one system.
func (b *build) pack(t target, stages string) error {
	name := fmt.Sprintf("pixtral-wgpu-%s-%s-%s", b.version, t.system, t.arch)
	stage := filepath.Join(stages, name)
	if err := b.compile(t, filepath.Join(stage, t.program())); err != nil {
		return err
	}
	if err := b.fill(t, stage); err != nil {
		return err
	}
	if t.system == "linux" {
		if err := b.writeDeb(t, stage, stages); err != nil {
			return fmt.Errorf("package for Debian: %w", err)
		}
	}
	write := writeTarGz
	if t.system == "windows" {
		write = writeZip
	}
	path := filepath.Join(b.out, name+t.ending())
	return writeFile(path, func(f *os.File) error { return write(f, stage, name, b.time) })
}

// writeManual asks the program, built for this machine, for its manual pages and
// completions.
func (b *build) writeManual(work string) (string, error) {
	dir := filepath.Join(work, "manual")
	cmd := exec.Command("go", "run", "-ldflags", b.stamp(), "./cmd/pixtral-wgpu", "man", dir)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(b.time.Unix(), 10))
	cmd.Stderr = os.Stderr
	return dir, cmd.Run()
}

// fill puts beside the program what comes with it.
func (b *build) fill(t target, stage string) error {
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		if err := copyFile(name, filepath.Join(stage, name)); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{b.manual: stage, "docs": filepath.Join(stage, "docs")} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return err
		}
	}
	return t.writeLicences(filepath.Join(stage, "licences"))
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}

func targetNames() string {
	var names []string
	for name := range targetsByName {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
