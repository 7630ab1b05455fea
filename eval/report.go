package eval

import (
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
)

//go:embed report.html
var reportHTML string

var report = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": func(v float64) float64 { return 100 * v },
	"uri": func(file []byte) template.URL { // from a data set that the person chose; the type is sniffed
		return template.URL("data:" + http.DetectContentType(file) + ";base64," + base64.StdEncoding.EncodeToString(file))
	},
}).Parse(reportHTML))

// mostShown is how many flipped items a report shows with their pictures.
const mostShown = 200

// HTML writes a comparison as one page that needs nothing else. d, the data
// set, gives the pictures of the items that flipped; nil leaves them out.
func (c *Comparison) HTML(w io.Writer, t *Task, d *Data) error {
	type shown struct {
		Flip
		Images [][]byte
	}
	flips := make([]shown, 0, min(len(c.Flips), mostShown))
	at := map[string]int{}
	for _, f := range c.Flips[:min(len(c.Flips), mostShown)] {
		at[f.A.ID] = len(flips)
		flips = append(flips, shown{Flip: f})
	}
	if d != nil && len(flips) > 0 {
		for item, err := range t.Items(d, c.A.Limit) {
			if err != nil {
				return err
			}
			i, ok := at[item.ID]
			if !ok {
				continue
			}
			for _, m := range item.Request.Messages {
				for _, p := range m.Parts {
					if p.Image != nil {
						flips[i].Images = append(flips[i].Images, p.Image)
					}
				}
			}
		}
	}
	return report.Execute(w, map[string]any{"C": c, "Task": t, "Flips": flips, "More": len(c.Flips) - len(flips)})
}
