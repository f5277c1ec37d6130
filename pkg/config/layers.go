package config

import (
	"github.com/spf13/viper"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// layer lays flags over environment over file over defaults and returns what
// is on top for every key that has a value at all.
//
// Viper holds the layers, flat, since the delimiter occurs in no name. Its own
// reading of the environment is left aside: BindEnv asks the process, where
// the caller may have brought another environment.
func (r *reader) layer(keys []schema.Key, file map[string]schema.Cell, opts Options) map[string]schema.Cell {
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00"))
	fromFile := map[string]any{}
	for name, c := range file {
		fromFile[name] = c
	}
	if err := v.MergeConfigMap(fromFile); err != nil {
		r.Problem(0, "", err.Error())
	}
	for _, k := range keys {
		if k.Default != "" {
			v.SetDefault(k.Name, schema.NewCell(k, k.Default, schema.Origin{Source: schema.FromDefault}))
		}
		if s, ok := r.Lookup(k.Env()); ok && s != "" && !opts.FileAlone {
			v.Set(k.Name, schema.NewCell(k, s, schema.Origin{Source: schema.FromEnvironment, Name: k.Env()}))
		}
		if s, ok := opts.Overrides[k.Name]; ok {
			v.Set(k.Name, schema.NewCell(k, s, schema.Origin{Source: schema.FromFlag}))
		}
	}
	cells := map[string]schema.Cell{}
	for _, k := range keys {
		if c, ok := v.Get(k.Name).(schema.Cell); ok {
			cells[k.Name] = c
		}
	}
	return cells
}
