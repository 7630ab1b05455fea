package tune

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A cache is the file of what was found out for a key. Whatever is wrong with the
// file, it is as if there were none.
type cache struct {
	path string

	Key      string  `json:"key"`
	Found    []found `json:"found"`
	Matrices *int    `json:"matrices,omitempty"` // size of the cooperative matrices that work; nil if nobody tried
}

// A found is the way that won for a use.
type found struct {
	gpu.Use
	gpu.Way
	Best  time.Duration `json:"ns"`       // of the way
	Plain time.Duration `json:"plain_ns"` // of what is right everywhere
}

// open reads the cache. Without a directory it keeps nothing.
func open(dir, key string) *cache {
	c := &cache{Key: key}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return c
		}
		dir = filepath.Join(user, "pixtral-wgpu")
	}
	sum := sha256.Sum256([]byte(key))
	c.path = filepath.Join(dir, "kernels-"+hex.EncodeToString(sum[:8])+".json")
	data, err := os.ReadFile(c.path)
	var held cache
	if err == nil && json.Unmarshal(data, &held) == nil && held.Key == key {
		c.Found, c.Matrices = held.Found, held.Matrices
	}
	return c
}

// look returns the way for a use. One that the device has not is as none: the
// file is no way to kernels that nothing checks.
func (c *cache) look(d *gpu.Device, u gpu.Use) (gpu.Way, bool) {
	for _, f := range c.Found {
		if f.Use == u && slices.Contains(ops.Ways(d, u), f.Way) {
			return f.Way, true
		}
	}
	return gpu.Way{}, false
}

// save writes the cache, whole or not at all.
func (c *cache) save() error {
	if c.path == "" {
		return nil
	}
	kept := c.Found[:0:0]
	for i, f := range c.Found { // of several the last
		if !slices.ContainsFunc(c.Found[i+1:], func(g found) bool { return g.Use == f.Use }) {
			kept = append(kept, f)
		}
	}
	c.Found = kept
	data, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), "kernels-*.part")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is gone if all went well
	if _, err = f.Write(append(data, '\n')); err == nil {
		err = f.Close()
	}
	if err != nil {
		f.Close()
		return err
	}
	return os.Rename(f.Name(), c.path)
}
