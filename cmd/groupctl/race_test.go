//go:build race && !windows

package main

func init() { sample = 5 } // a child takes many times as long to start
