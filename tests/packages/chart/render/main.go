// render CHART VALUES - what `helm lint --strict` and `helm template` do, by Helm's own library: lints the chart, holds the
// values against values.schema.json, and prints the rendered files, NOTES.txt as a comment.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

const kubeVersion = "v1.31.0"

func render(folder, valuesFile string) error {
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return err
	}
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		return err
	}
	for _, message := range lint.AllWithKubeVersion(folder, values, "release-space", version).Messages {
		if message.Severity >= support.WarningSev {
			return errors.New(message.Error())
		}
	}
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	release := chartutil.ReleaseOptions{Name: "one", Namespace: "lineage", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, capabilities)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text := files[name]
		if strings.HasSuffix(name, ".txt") {
			text = "# " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n# ") + "\n"
		}
		fmt.Printf("---\n# Source: %s\n%s\n", name, text)
	}
	return nil
}

func main() {
	if err := render(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
