package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// endCluster ends the programs listed in <directory>/processes.json, and this one last. It is how a cluster ends whose
// starter was killed before it could stop it. By force, because its state is of no use to anybody.
func endCluster(directory string, temporary bool) {
	var processes []struct {
		PID int `json:"pid"`
	}
	content, err := os.ReadFile(filepath.Join(directory, "processes.json"))
	if os.IsNotExist(err) {
		os.Exit(0) // the starter has ended them
	}
	if err == nil {
		err = json.Unmarshal(content, &processes)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "node-side: the starter is gone, and its list of processes cannot be read: %v\n", err)
		os.Exit(1)
	}
	for _, process := range processes {
		// Process ids are used again: only a program of this cluster names its directory.
		commandLine, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", process.PID))
		if process.PID != os.Getpid() && err == nil && strings.Contains(string(commandLine), directory) {
			_ = syscall.Kill(process.PID, syscall.SIGKILL)
		}
	}
	_ = os.Remove(filepath.Join(directory, "processes.json"))
	if temporary {
		_ = os.RemoveAll(directory)
	}
	os.Exit(0)
}
