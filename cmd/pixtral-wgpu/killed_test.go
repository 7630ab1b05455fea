package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain is the program itself where a test starts it as that: a process that
// can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("PIXTRAL_TEST_PROGRAM") != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// program starts the program as a process of its own.
func program(t *testing.T, args ...string) (*exec.Cmd, func() string) {
	t.Helper()
	var out strings.Builder
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "PIXTRAL_TEST_PROGRAM=1")
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test ended early
	return cmd, out.String
}

// heldOut writes every so many-th of the held-out items, n in all, to a file of
// their own, and returns it.
func heldOut(t *testing.T, n int) string {
	t.Helper()
	all := strings.Split(strings.TrimSpace(read(t, pocketItems)), "\n")
	var b strings.Builder
	for i := range n {
		var item map[string]any
		if err := json.Unmarshal([]byte(all[i*len(all)/n]), &item); err != nil {
			t.Fatal(err)
		}
		images := item["images"].([]any)
		for j, name := range images {
			images[j] = absolute(t, filepath.Join(filepath.Dir(pocketItems), name.(string)))
		}
		line, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return file(t, "items.jsonl", b.String())
}

// An evaluation that is killed three times at any moment ends with the scores
// of one that nobody disturbed. PIXTRAL_EVAL_ITEMS=200 asks more than a few.
func TestEvalKilled(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PIXTRAL_EVAL_ITEMS"))
	if err != nil {
		n = 16
	}
	items, dir := heldOut(t, n), t.TempDir()
	log := filepath.Join(dir, "killed.jsonl")
	lines := func() int {
		data, _ := os.ReadFile(log)
		return strings.Count(string(data), "\n")
	}
	for kill := range 3 {
		cmd, _ := program(t, "eval", items, "--parallel", "4", "--out", log)
		until := 1 + n*(kill+1)/4 - rand.IntN(max(1, n/8))
		for start := time.Now(); lines() < until; time.Sleep(time.Millisecond) {
			if time.Since(start) > 5*time.Minute {
				t.Fatal("there are no answers")
			}
		}
		time.Sleep(time.Duration(rand.IntN(20000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		t.Logf("killed with %s of %d in the log", plural(lines()-1, "answer"), n)
	}
	last, out := program(t, "eval", items, "--out", log, "--json")
	if err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	var got, want evalJSON
	parseJSON(t, out(), &got)
	okJSON(t, &want, "", "eval", items, "--out", filepath.Join(dir, "undisturbed.jsonl"), "--json")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("killed three times: %+v\nundisturbed: %+v", got, want)
	}
	if lines() != n+1 || want.Items != n {
		t.Errorf("the log has %d lines for %d items", lines(), n)
	}
	for _, m := range want.Metrics {
		t.Logf("%s %.1f, of both", m.Name, 100*m.Value)
	}
}
