package tokenizer

import (
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// cutOnce is the first 4,000 entries of the real vocabulary, with 32 special
// tokens; testdata/cut_tekken.py made it.
var cutOnce = sync.OnceValues(func() (*Tekken, error) {
	return Open(filepath.Join("testdata", "tekken_cut.json"))
})

func cutTekken(t testing.TB) *Tekken {
	t.Helper()
	k, err := cutOnce()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fullFile is Pixtral's own tekken.json, put together again from
// testdata/tekken_full.bz2, which testdata/pack_tekken.py made.
var fullFile = sync.OnceValues(func() ([]byte, error) {
	f, err := os.Open(filepath.Join("testdata", "tekken_full.bz2"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	packed, err := io.ReadAll(bzip2.NewReader(f))
	if err != nil {
		return nil, err
	}
	head, packed, _ := bytes.Cut(packed, []byte("}\n"))
	file := append(bytes.Clone(head), `, "vocab": [`...)
	for rank := 0; len(packed) > 0; rank++ {
		n := int(packed[0])
		if rank > 0 {
			file = append(file, ',')
		}
		file = fmt.Appendf(file, `{"rank": %d, "token_bytes": "%s"}`, rank, base64.StdEncoding.EncodeToString(packed[1:1+n]))
		packed = packed[1+n:]
	}
	return append(file, "]}"...), nil
})

// fullOnce is Pixtral's vocabulary.
var fullOnce = sync.OnceValues(func() (*Tekken, error) {
	file, err := fullFile()
	if err != nil {
		return nil, err
	}
	return Parse(file)
})

func fullTekken(t testing.TB) *Tekken {
	t.Helper()
	k, err := fullOnce()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
