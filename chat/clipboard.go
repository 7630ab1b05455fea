package chat

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
)

// The programs that print the picture in the clipboard as PNG, by system.
var clipboards = map[string][][]string{
	"darwin":  {{"pngpaste", "-"}},
	"linux":   {{"wl-paste", "--type", "image/png"}, {"xclip", "-selection", "clipboard", "-target", "image/png", "-out"}},
	"windows": {{"powershell", "-NoProfile", "-Command", "$i = Get-Clipboard -Format Image; $m = New-Object IO.MemoryStream; $i.Save($m, 'Png'); $o = [Console]::OpenStandardOutput(); $o.Write($m.ToArray(), 0, $m.Length)"}},
}

// clipboardImage returns the picture in the clipboard.
func clipboardImage(ctx context.Context) ([]byte, error) {
	found := false
	for _, words := range clipboards[runtime.GOOS] {
		if _, err := exec.LookPath(words[0]); err != nil {
			continue
		}
		found = true
		if file, err := exec.CommandContext(ctx, words[0], words[1:]...).Output(); err == nil && len(file) > 0 {
			return file, nil
		}
	}
	if found {
		return nil, errors.New("there is no picture in the clipboard; copy one, or use /image PATH")
	}
	return nil, errors.New("reading the clipboard needs wl-paste (wl-clipboard) or xclip on Linux, pngpaste on macOS; or use /image PATH")
}
