package batch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/remote/fake"
)

// TestMain is a run of its own where a test starts it as one.
func TestMain(m *testing.M) {
	url := os.Getenv("PIXTRAL_BATCH_URL")
	if url == "" {
		os.Exit(m.Run())
	}
	client, err := remote.New(remote.Options{BaseURL: url})
	if err == nil {
		_, err = Run(context.Background(), Options{In: os.Args[1], Out: os.Args[2], Client: client})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A run that is killed at any moment goes on from what it wrote: every request
// has one answer in the end, and none that had one is asked again.
func TestKilled(t *testing.T) {
	const n, parallel, kills = 300, 8, 5
	e := fake.New(t, func(n int64, body string) (string, int) {
		time.Sleep(5 * time.Millisecond)
		return echo(n, body)
	})
	dir := t.TempDir()
	var all []string
	for i := range n {
		all = append(all, say(fmt.Sprint(i), fmt.Sprint("text ", i)))
	}
	in, out := write(t, filepath.Join(dir, "in.jsonl"), all...), filepath.Join(dir, "out.jsonl")
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], in, out)
		cmd.Env = append(os.Environ(), "PIXTRAL_BATCH_URL="+e.URL)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	for kill := range kills {
		cmd := start()
		for e.Asked.Load() < int64(40*(kill+1)) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if kill%2 == 0 { // as if it had been in the middle of a line
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(f, `{"id":"batch_re`)
			f.Close()
		}
	}
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	got := resultsOf(t, out)
	for i := range n {
		if r := got[fmt.Sprint(i)]; len(r) != 1 || !r[0].answered() {
			t.Errorf("request %d has %s", i, spell(r))
		}
	}
	if asked := e.Asked.Load(); asked < n || asked > n+kills*parallel {
		t.Errorf("%d requests for %d", asked, n)
	}
}
