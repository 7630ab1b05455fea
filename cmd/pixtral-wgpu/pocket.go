package main

import (
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// pocketName is the model in the program, as --model calls it.
const pocketName = "pocket"

func openPocket() (*model.Checkpoint, error) {
	return model.ParseCheckpoint(pocketName, pocket.Params, pocket.Weights, pocket.Tekken)
}
