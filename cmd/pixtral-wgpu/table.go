package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"pixtral-wgpu/model"
)

// A table says what trace wrote.
type table struct {
	Out    string  `json:"out"`
	Values []row   `json:"values"`
	Reply  *report `json:"reply,omitempty"` // if an answer was traced
}

type row struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Mean   number `json:"mean"`
	MaxAbs number `json:"max_abs"`
}

// A number is null in JSON, which has no other word, where it is none.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func tabulate(values *model.Values, path string) table {
	t := table{Out: path}
	for _, name := range values.Names {
		v := values.ByName[name]
		mean, most := statistics(v.Data)
		t.Values = append(t.Values, row{name, v.Shape, number(mean), number(most)})
	}
	return t
}

// statistics returns the mean and the greatest magnitude; a NaN makes both NaN.
func statistics(data []float32) (mean, most float64) {
	for _, v := range data {
		mean += float64(v)
		most = math.Max(most, math.Abs(float64(v)))
	}
	return mean / float64(max(1, len(data))), most
}

func (t table) print(w io.Writer) {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "name\tshape\tmean\tmax abs")
	for _, r := range t.Values {
		fmt.Fprintf(columns, "%s\t%v\t%.4g\t%.4g\n", r.Name, r.Shape, r.Mean, r.MaxAbs)
	}
	columns.Flush()
	fmt.Fprintf(w, "%s in %s\n", plural(len(t.Values), "value"), t.Out)
}
