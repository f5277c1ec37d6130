package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// Etcd says where the claims of InEtcd are.
type Etcd struct {
	Endpoints []string `key:"endpoints" kind:"args" range:"1..16" doc:"Members of the cluster, https://HOST:2379 or http://; one that does not answer is left for the next. etcd 3.4 or newer, whose JSON gateway is on as by default."`
	CA        string   `key:"ca" kind:"path" derived:"the system's authorities" doc:"File with the certificates of the authorities that have signed those of the members."`
	Cert      string   `key:"cert" kind:"path" doc:"File with the certificate of this client, where the members want one. It is no login: etcd's gateway wants user and password for that."`
	Key       string   `key:"key" kind:"path" doc:"File with the key of cert."`
	User      string   `key:"user" kind:"user" doc:"User at the etcd, where that has authentication; it reads and writes the keys below prefix."`
	Password  Secret   `key:"password" kind:"password" doc:"Password of the user; write ${ETCD_PASSWORD} to keep it out of the file."`
	Prefix    string   `key:"prefix" kind:"identifier" default:"wanctl" doc:"Beginning of all keys, PREFIX/ROUTER/..., where ROUTER is router.host: all nodes name a router alike."`
}

// TLS returns how to connect to the members.
func (e *Etcd) TLS() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CA != "" {
		text, err := os.ReadFile(e.CA)
		if err != nil {
			return nil, &fileError{"ha.etcd.ca", err}
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, &fileError{"ha.etcd.ca", errors.New("no certificate in PEM")}
		}
	}
	if e.Cert != "" {
		pair, err := tls.LoadX509KeyPair(e.Cert, e.Key)
		if err != nil {
			return nil, &fileError{"ha.etcd.cert", err}
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// fileError is what is wrong with the file of a key.
type fileError struct {
	key string
	err error
}

func (e *fileError) Error() string { return e.key + ": " + schema.Cause(e.err) }
func (e *fileError) Unwrap() error { return e.err }

// finishEtcd checks the keys of ha.etcd.
func (v rules) finishEtcd(n *Node) {
	const etcd = "ha.etcd."
	e := &n.Etcd
	if n.Claims != InEtcd {
		for _, key := range []string{"endpoints", "ca", "cert", "key", "user", "password"} {
			if v.IsSet(etcd + key) {
				v.Warnf(etcd+key, "has no effect while ha.claims is %s; write ha.claims: etcd", n.Claims)
			}
		}
		return
	}
	if len(e.Endpoints) == 0 && v.Valid(etcd+"endpoints") {
		v.Errorf(etcd+"endpoints", "is missing; with ha.claims: etcd write such as [https://192.0.2.20:2379]")
	}
	plain := false
	for i, address := range e.Endpoints {
		e.Endpoints[i] = strings.TrimSuffix(address, "/")
		if err := checkEndpoint(e.Endpoints[i]); err != nil {
			v.Errorf(etcd+"endpoints", "%q %s", address, err)
		}
		plain = plain || strings.HasPrefix(address, "http:")
	}
	e.CA, e.Cert, e.Key = v.beside(e.CA), v.beside(e.Cert), v.beside(e.Key)
	switch {
	case !v.Valid(etcd+"endpoints", etcd+"ca", etcd+"cert", etcd+"key"):
	case (e.Cert == "") != (e.Key == ""):
		v.Errorf(etcd+"cert", "and ha.etcd.key belong together; write both")
	case plain && (e.CA != "" || e.Cert != ""):
		v.Errorf(etcd+"endpoints", "name http://, which has no certificate to check; write https://")
	case !v.WithoutSecrets:
		if _, err := e.TLS(); err != nil {
			at := new(fileError)
			errors.As(err, &at)
			v.Errorf(at.key, "%s", schema.Cause(at.err))
		}
	}
	switch {
	case !v.Valid(etcd+"user", etcd+"password") || v.WithoutSecrets:
	case e.User != "" && !e.Password.IsSet():
		v.Errorf(etcd+"password", "is missing; write ${ETCD_PASSWORD} and set that in %s", SecretsFile)
	case e.User == "" && e.Password.IsSet():
		v.Errorf(etcd+"password", "has no user; write ha.etcd.user")
	case plain && e.User != "":
		v.Warnf(etcd+"endpoints", "the password crosses the network in clear; write https:// if the etcd has a certificate")
	}
}

// checkEndpoint returns what is wrong with an endpoint of an etcd.
func checkEndpoint(address string) error {
	const like = "write https://HOST:2379 or http://HOST:2379"
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("is no address of an etcd; " + like)
	case u.User != nil:
		return errors.New("has a user in it; write ha.etcd.user and ha.etcd.password")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("has something after the port; " + like)
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return fmt.Errorf("has no port; %s", like)
	}
	return nil
}
