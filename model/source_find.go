package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pixtral-wgpu/model/gguf"
)

// The files of a checkpoint. In Mistral's layout weights come as one file or
// several, consolidated-00001-of-00002.safetensors or the like.
const (
	paramsFile  = "params.json"
	weightsFile = "consolidated.safetensors"
	tekkenFile  = "tekken.json"

	configFile  = "config.json"
	hfFile      = "model.safetensors"
	hfIndexFile = "model.safetensors.index.json"

	hfTokenizerFile = "tokenizer.json"

	mmprojFiles = "*mmproj*.gguf"
)

// The bounds of files that only describe weights: a config has a few hundred
// bytes, an index about a hundred a tensor.
const (
	maxConfig = 1 << 20
	maxIndex  = 16 << 20
)

// accepted is what an error offers instead.
const accepted = `a model is a directory with params.json and consolidated*.safetensors, ` +
	`or config.json and model.safetensors (or model.safetensors.index.json and its shards), or a .gguf file, ` +
	`or the path of a .gguf or .safetensors file itself`

// found is where the files of a checkpoint lie: those of one format.
type found struct {
	name    string
	params  string   // Mistral's config
	config  string   // Hugging Face's
	index   string   // the list of its shards, if weights are not one file
	weights []string // safetensors
	text    string   // GGUF
	mmproj  string   // GGUF of images, if it was asked for
	nearby  []string // if it was not: files beside the text that may be it
	tekken  string   // "" if there is none
}

// A folder is a directory and the files in it.
type folder struct {
	path  string
	files []string
}

func openFolder(path string) (folder, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return folder{}, err
	}
	d := folder{path: path}
	for _, e := range entries {
		if !e.IsDir() {
			d.files = append(d.files, e.Name())
		}
	}
	return d, nil
}

// like returns the paths of the files whose names fit a pattern, in order.
func (d folder) like(pattern string) (paths []string) {
	for _, name := range d.files {
		if ok, _ := filepath.Match(pattern, strings.ToLower(name)); ok {
			paths = append(paths, filepath.Join(d.path, name))
		}
	}
	return paths
}

// has returns the path of a file, or "".
func (d folder) has(name string) string {
	for _, f := range d.files {
		if f == name {
			return filepath.Join(d.path, name)
		}
	}
	return ""
}

// find decides what a path stands for.
func find(path string, more []string) (*found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, accepted)
	}
	dir, file := path, ""
	if !info.IsDir() {
		dir, file = filepath.Split(path)
		dir = filepath.Clean(dir)
	}
	d, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	switch ext := strings.ToLower(filepath.Ext(file)); {
	case ext == ".gguf" && len(more) < 2:
		return d.gguf(path, more)
	case len(more) > 0:
		return nil, fmt.Errorf("%s and %s are too many: only a .gguf file has its images in a second file, the mmproj", path, strings.Join(more, ", "))
	case file == "":
		return d.any()
	case ext == ".safetensors" && strings.HasPrefix(file, "consolidated"):
		return d.mistral()
	case ext == ".safetensors":
		return d.huggingFace(path)
	}
	return nil, fmt.Errorf("%s is neither a directory nor a .gguf or .safetensors file; %s", path, accepted)
}

// any takes the first format of which a folder has all that is needed.
func (d folder) any() (*found, error) {
	if f, err := d.mistral(); err == nil {
		return f, nil
	}
	if f, err := d.huggingFace(d.has(hfFile)); err == nil {
		return f, nil
	}
	texts := d.like("*.gguf")
	texts = slices.DeleteFunc(texts, func(path string) bool {
		_, number, _ := gguf.SplitOf(path)
		return number > 1 || slices.Contains(d.like(mmprojFiles), path)
	})
	switch {
	case len(texts) == 0:
		return nil, d.lacks("")
	case len(texts) > 1:
		return nil, fmt.Errorf("%s has %d .gguf files; give the path of one, for example %s", d.path, len(texts), texts[0])
	}
	return d.gguf(texts[0], nil)
}

// gguf takes a text model, and its mmproj if it is given.
func (d folder) gguf(text string, more []string) (*found, error) {
	f := &found{name: nameOf(text), text: text}
	if len(more) > 0 {
		f.mmproj = more[0]
	} else {
		f.nearby = slices.DeleteFunc(d.like(mmprojFiles), func(path string) bool { return filepath.Base(path) == filepath.Base(text) })
	}
	return d.complete(f), nil
}

func (d folder) mistral() (*found, error) {
	f := &found{params: d.has(paramsFile), weights: d.like("consolidated*.safetensors")}
	if f.params == "" || len(f.weights) == 0 {
		return nil, d.lacks("the files of Mistral's layout")
	}
	return d.complete(f), nil
}

// huggingFace takes the shards of the index, or else the file that is given.
func (d folder) huggingFace(weights string) (*found, error) {
	f := &found{config: d.has(configFile), index: d.has(hfIndexFile)}
	if f.index == "" && weights != "" {
		f.weights = []string{weights}
	}
	if f.config == "" || f.index == "" && weights == "" {
		return nil, d.lacks("the files of Hugging Face's layout")
	}
	return d.complete(f), nil
}

// nameOf is a file's name without directory and extension, of a split model
// without the number.
func nameOf(path string) string {
	if name, number, _ := gguf.SplitOf(path); number > 0 {
		return filepath.Base(name)
	}
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// complete adds what all formats share.
func (d folder) complete(f *found) *found {
	if f.name == "" {
		f.name = filepath.Base(d.path)
		if full, err := filepath.Abs(d.path); err == nil {
			f.name = filepath.Base(full) // of "." too
		}
	}
	f.tekken = d.has(tekkenFile)
	return f
}

// lacks is the error of a folder without a model.
func (d folder) lacks(what string) error {
	const most = 8
	list := d.files
	rest := ""
	if len(list) > most {
		rest = fmt.Sprintf(" and %d more", len(list)-most)
		list = list[:most]
	}
	has := "has no files"
	if len(list) > 0 {
		has = "has " + strings.Join(list, ", ") + rest
	}
	if what != "" {
		has += ", not " + what
	}
	return errors.New(d.path + " " + has + "; " + accepted)
}
