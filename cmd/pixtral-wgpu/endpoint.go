package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/remote"
)

// endpointFlags name an engine elsewhere that does the work.
type endpointFlags struct{ endpoint, keyEnv string }

func (f *endpointFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.endpoint, "endpoint", "", "`URL` of an engine that answers instead: any OpenAI-compatible server; --model is then the name of its model")
	fs.StringVar(&f.keyEnv, "api-key-env", "", "`name` of the environment variable with the endpoint's key")
}

// client returns the engine that answers, nil if the work is done here. model
// is the --model flag, which counts only if it was given.
func (f *endpointFlags) client(cmd *cobra.Command, model string) (*remote.Client, error) {
	if f.endpoint == "" {
		if f.keyEnv != "" {
			return nil, misuse("--api-key-env is of use only with --endpoint")
		}
		return nil, nil
	}
	if !cmd.Flags().Changed("model") {
		model = ""
	}
	return connect("--endpoint", f.endpoint, f.keyEnv, model)
}

// connect makes a client; flag is whose URL it is.
func connect(flag, url, keyEnv, model string) (*remote.Client, error) {
	key := ""
	if keyEnv != "" {
		if key = os.Getenv(keyEnv); key == "" {
			return nil, fmt.Errorf("the environment variable %s, which should hold the key of %s, is empty", keyEnv, url)
		}
	}
	c, err := remote.New(remote.Options{BaseURL: url, APIKey: key, Model: model})
	if err != nil {
		return nil, misuse("%s: %w", flag, err)
	}
	return c, nil
}

// elsewhere are the flags that mean the engine here, and nothing to another.
var elsewhere = []string{"mmproj", "arch", "quant", "kv", "ctx", "gpu-layers", "device", "limits", "memory", "shaders", "retune", "no-autotune", "exif"}

// refuse reports the first of the flags that was given.
func refuse(cmd *cobra.Command, names []string) error {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return misuse("--%s is for the engine here; the one at --endpoint has its own ways", name)
		}
	}
	return nil
}
