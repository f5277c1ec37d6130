package config

import (
	"github.com/spf13/viper"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// merge returns the value in force for every key that has one: a flag replaces the
// environment, the environment the file, and the file the default. Viper keeps that
// order. It does not read the environment itself: BindEnv asks the process, while
// opts may bring another environment.
func merge(r *schema.Reader, fields []schema.Field, file map[string]schema.RawValue, opts Options) map[string]schema.RawValue {
	v := viper.New()
	config := map[string]any{}
	for name, value := range file {
		config[name] = value
	}
	for _, k := range fields {
		if k.Default != "" {
			v.SetDefault(k.Name, schema.NewRawValue(k.Key, k.Default, schema.Origin{Source: schema.FromDefault}))
		}
		if s, ok := opts.lookup(k.Env()); ok && s != "" && !opts.FileAlone {
			config[k.Name] = schema.NewRawValue(k.Key, s, schema.Origin{Source: schema.FromEnvironment, Name: k.Env()})
		}
		if s, ok := opts.Overrides[k.Name]; ok {
			v.Set(k.Name, schema.NewRawValue(k.Key, s, schema.Origin{Source: schema.FromFlag}))
		}
	}
	if err := v.MergeConfigMap(config); err != nil {
		r.Errorf(0, "", "%v", err)
	}
	values := map[string]schema.RawValue{}
	for _, k := range fields {
		if value, ok := v.Get(k.Name).(schema.RawValue); ok {
			values[k.Name] = value
		}
	}
	fillSecrets(values, opts)
	return values
}

// Environment variables of the secrets, for files that do not have them.
const (
	PasswordVariable   = "ROUTER_PASSWORD"
	PassphraseVariable = "WANCTL_SSH_PASSPHRASE"
)

func fillSecrets(values map[string]schema.RawValue, opts Options) {
	for key, variable := range map[string]string{
		"router.password": PasswordVariable, "router.ssh_passphrase": PassphraseVariable,
	} {
		_, given := values[key]
		if _, inFile := values[key+"_file"]; given || inFile {
			continue
		}
		if s, ok := opts.lookup(variable); ok && s != "" {
			values[key] = schema.NewRawValue(schema.Key{}, s, schema.Origin{Source: schema.FromEnvironment, Name: variable})
		}
	}
}
