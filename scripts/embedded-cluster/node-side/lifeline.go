package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// endCluster stops the programs whose process ids stand in <directory>/processes.json, this one last. It is how a
// cluster ends whose starter was killed before it could stop it.
func endCluster(directory string) {
	var processes []struct {
		PID int `json:"pid"`
	}
	content, err := os.ReadFile(filepath.Join(directory, "processes.json"))
	if err == nil {
		err = json.Unmarshal(content, &processes)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "node-side: the starter is gone, and its list of processes cannot be read: %v\n", err)
	}
	deadline := time.Now().Add(15 * time.Second)
	for _, process := range processes {
		if process.PID != os.Getpid() {
			_ = syscall.Kill(process.PID, syscall.SIGTERM)
		}
	}
	for _, process := range processes {
		for process.PID != os.Getpid() && syscall.Kill(process.PID, 0) == nil {
			if time.Now().After(deadline) {
				_ = syscall.Kill(process.PID, syscall.SIGKILL)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	os.Exit(0)
}
