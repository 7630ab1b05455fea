// Command pull fetches a repository, or finds it when HF_HUB_OFFLINE is set,
// and prints the folder and the cache's list, for check_cache.py beside it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"pixtral-wgpu/hub"
)

func main() {
	c, err := hub.FromEnv()
	if err == nil {
		err = run(c, os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(c *hub.Client, repo string) error {
	dir, err := c.Pull(context.Background(), repo, nil)
	if err != nil {
		return err
	}
	models, err := c.List()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"dir": dir, "models": models})
}
