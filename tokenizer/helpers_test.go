package tokenizer

import (
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

// fullOnce is Pixtral's vocabulary: $PIXTRAL_TEKKEN, or shared/data/tekken.json
// beside the repository. It is nil where there is neither.
var fullOnce = sync.OnceValues(func() (*Tekken, error) {
	if path := os.Getenv("PIXTRAL_TEKKEN"); path != "" {
		return Open(path)
	}
	path := filepath.Join("..", "..", "shared", "data", "tekken.json")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	return Open(path)
})

// fullTekken returns Pixtral's vocabulary, or nil and one line of advice.
func fullTekken(t testing.TB) *Tekken {
	t.Helper()
	k, err := fullOnce()
	if err != nil {
		t.Fatal(err)
	}
	if k == nil {
		t.Log("not run: Pixtral's own vocabulary is not here; set PIXTRAL_TEKKEN to the tekken.json of " +
			"mistralai/Pixtral-12B-2409 (the same cases have run on testdata/tekken_cut.json)")
	}
	return k
}
