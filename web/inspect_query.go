package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/web/inspect"
)

// A query reads the parameters of a URL and remembers the first error.
type query struct {
	values url.Values
	err    error
}

func queryOf(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) number(name string, otherwise int) int {
	text := q.values.Get(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil && q.err == nil {
		q.err = bad(name, "%s is %s; it must be a whole number.", quote(name), quote(text))
	}
	return n
}

// list reads numbers and ranges: 3,5-7.
func (q *query) list(name string, least, below int) (list []int) {
	text := q.values.Get(name)
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < least || to < from || to >= below {
			if q.err == nil {
				q.err = bad(name, "%s is %s; it must be numbers from %d to %d, as in 3,5-7.", quote(name), quote(text), least, below-1)
			}
			return nil
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	return list
}

// positions are the last of the prompt and those of the answer, if none are named.
func (q *query) positions(i *inspect.Inspection) []int {
	prompt, answer := len(i.Prompt.Tokens), len(i.State().Answer)
	if list := q.list("positions", 0, prompt+answer); list != nil || q.err != nil {
		return list
	}
	var list []int
	for p := prompt - 1; p < prompt+answer; p++ {
		list = append(list, p)
	}
	return list
}

func (q *query) layers(n int) []int { return q.list("layers", 0, n) }

var foldNames = map[ops.Fold]string{ops.EachHead: "each", ops.MeanHead: "mean", ops.MaxHead: "max"}

func (q *query) fold() ops.Fold {
	switch q.values.Get("heads") {
	case "", "mean":
		return ops.MeanHead
	case "max":
		return ops.MaxHead
	case "each":
		return ops.EachHead
	}
	if q.err == nil {
		q.err = bad("heads", "`heads` is %s; it must be each, mean or max.", quote(q.values.Get("heads")))
	}
	return 0
}
