package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func itemsOf(t *testing.T, task *Task) []Item {
	t.Helper()
	d, err := OpenData(filepath.Join("testdata", task.Name), task.Split)
	if err != nil {
		t.Fatal(err)
	}
	var list []Item
	for item, err := range task.Items(d, 0) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, item)
	}
	return list
}

// layout spells out a request's only message: texts, and I for an image.
func layout(t *testing.T, item Item) []string {
	t.Helper()
	if len(item.Request.Messages) != 1 || item.Request.Messages[0].Role != "user" || *item.Request.Temperature != 0 {
		t.Fatalf("the request is %+v", item.Request)
	}
	var list []string
	for _, p := range item.Request.Messages[0].Parts {
		if p.Image != nil {
			list = append(list, "I")
		} else {
			list = append(list, p.Text)
		}
	}
	return list
}

// The layouts are those of mistral-evals' tasks for the same rows.
func TestItemsOfPublicSets(t *testing.T) {
	for _, c := range []struct {
		task       *Task
		n          int
		layout     []string
		references []string
		maxTokens  int
		id, meta   string
	}{
		{mmmu, 0, []string{"I", " Which one is like ", "I", "?\nA. the first\nB. it's $\\frac{1}{2}$\nC. a\u00a0b\n" + optionsPrompt}, []string{"B"}, 2048, "validation_Art_1", "Art"},
		{mmmu, 1, []string{"How wide is it? ", "I", optionsPrompt}, []string{"20", "twenty"}, 2048, "validation_Basic_Math_2", "Basic_Math"},
		{mathvista, 0, []string{"I", "Hint: choose.\nQuestion: Which?\nChoices:\n(A) x\n(B) y\n" + optionsPrompt}, []string{"B"}, 2048, "1", "multi_choice"},
		{mathvista, 1, []string{"I", "Hint: a number.\nQuestion: How many?\n" + optionsPrompt}, []string{"1.2"}, 2048, "2", "free_form"},
		{chartqa, 0, []string{"I", "How much?\n" + chartPrompt}, []string{"14"}, 2048, "1", "human_test"},
		{docvqa, 0, []string{"I", "Who?\n" + docPrompt}, []string{"ITC Limited", "itc limited"}, 10, "49153", ""},
		{vqav2, 0, []string{"I", "What colour?\n" + vqaPrompt}, append(slices.Repeat([]string{"red"}, 9), "dark red"), 10, "262148000", "other"},
	} {
		item := itemsOf(t, c.task)[c.n]
		meta := ""
		for _, v := range item.Meta {
			meta = v
		}
		if got := layout(t, item); !slices.Equal(got, c.layout) || !slices.Equal(item.References, c.references) ||
			item.Request.MaxTokens != c.maxTokens || item.ID != c.id || meta != c.meta {
			t.Errorf("%s %d:\n got %q %q %d %s %s\nwant %q %q %d %s %s", c.task.Name, c.n,
				got, item.References, item.Request.MaxTokens, item.ID, meta, c.layout, c.references, c.maxTokens, c.id, c.meta)
		}
	}
}

func TestDataSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, "none"), "no such file"},
		{write("cut.parquet", "PAR1"), "cut.parquet"},
		{write("bad.jsonl", `{"question":`), "line 1"},
		{write("other.jsonl", `{"prompt":"x"}`), `there is no "answer"`},
		{write("lost.jsonl", `{"question":"x","image":"gone.png","answer":"y"}`), "gone.png"},
	} {
		d, err := OpenData(c.path, "")
		if err == nil {
			for _, e := range chartqa.Items(d, 0) {
				if e != nil {
					err = e
				}
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.path, err, c.want)
		}
	}
}
