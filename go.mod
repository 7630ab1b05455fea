module pixtral-wgpu

go 1.26

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/oliverbestmann/webgpu v1.34.1 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)
