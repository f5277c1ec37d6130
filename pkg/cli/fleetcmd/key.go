package fleetcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/fleet/sshsig"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// signing returns the keys of somebody who signs with the key in a file, "" the default.
func (o *options) signing(file string) (release.Keys, error) {
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return release.Keys{}, err
		}
		file = filepath.Join(home, ".ssh", "id_ed25519")
	}
	key, err := o.readKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		return release.Keys{}, fmt.Errorf("%w: make one with 'ssh-keygen -t ed25519', or name yours with --key FILE; its public key goes into fleet.signers of each node", err)
	} else if err != nil {
		return release.Keys{}, fmt.Errorf("%s: %w", file, err)
	}
	own := sshsig.Own(key)
	k := o.verifier(func(signature string, document []byte) (string, error) {
		return own.Verify(signature, release.Namespace, document, time.Now())
	})
	k.Sign = func(document []byte) (string, error) { return sshsig.Sign(key, release.Namespace, document) }
	if !o.hasSigners() {
		return k, nil
	}
	// Where this host knows who may sign, nodes most probably agree.
	signature, err := k.Sign(nil)
	if err == nil {
		_, err = o.verifier(nil).Verify(signature, nil)
	}
	if err != nil {
		return k, fmt.Errorf("nodes would refuse it: %w", err)
	}
	return k, nil
}

func (o *options) readKey(file string) (sshsig.Signer, error) {
	text, err := regfile.Read(file, 1<<16)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(file, ".pub") {
		return sshsig.ParseKey(text, o.passphrase)
	}
	socket, _ := o.LookupEnv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("is a public key, and there is no agent (SSH_AUTH_SOCK) that has the private one")
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return sshsig.AgentKey(conn, text) // the connection lasts as long as the command
}

// passphrase returns that of the key, from the environment or from the terminal.
func (o *options) passphrase() ([]byte, error) {
	if secret, ok := o.LookupEnv(config.PassphraseVariable); ok && secret != "" {
		return []byte(secret), nil
	}
	in, ok := o.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, fmt.Errorf("is encrypted: give its passphrase in %s, or name the public key and have an agent", config.PassphraseVariable)
	}
	_, _ = fmt.Fprint(o.Err, "Passphrase of the key: ")
	secret, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(o.Err)
	return secret, err
}
