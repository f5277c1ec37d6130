package ssh

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// passphraseVariable is the environment variable that holds the passphrase of
// router.ssh_key.
const passphraseVariable = "WANCTL_SSH_PASSPHRASE"

// maxKey is the size limit of a key file; RSA keys of 16384 bits take about 13 KiB.
const maxKey = 64 << 10

// readKey reads a private key from a file that only its owner can read.
func readKey(path string, passphrase func() string, legacy bool) (xssh.Signer, error) {
	bad := func(format string, args ...any) (xssh.Signer, error) {
		return nil, fmt.Errorf("router.ssh_key %s: %w", path, fmt.Errorf(format, args...))
	}
	f, err := regfile.Open(path)
	if errors.Is(err, regfile.ErrNotRegular) {
		return bad("is not a file")
	}
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return bad("%w; make one with: ssh-keygen -t ed25519 -f %s", err, path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return bad("%w", err)
	}
	if mode := info.Mode(); mode.Perm()&^0o600 != 0 {
		return bad("mode %04o lets others use the key; type: chmod 600 %s", mode.Perm(), path)
	}
	pem, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return bad("%w", err)
	}
	if len(pem) > maxKey {
		return bad("is too large for a private key")
	}
	defer clear(pem)
	signer, err := parseKey(pem, passphrase)
	if err != nil {
		return bad("%w", err)
	}
	if signer.PublicKey().Type() == xssh.KeyAlgoRSA && !legacy {
		return modernRSA(signer)
	}
	return signer, nil
}

func parseKey(pem []byte, passphrase func() string) (xssh.Signer, error) {
	signer, err := xssh.ParsePrivateKey(pem)
	var locked *xssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer, nil
	case errors.As(err, &locked):
	default:
		if _, _, _, _, public := xssh.ParseAuthorizedKey(pem); public == nil {
			return nil, errors.New("is a public key; name the private one, without .pub")
		}
		return nil, fmt.Errorf("is no private key of OpenSSH: %w", err)
	}
	secret := ""
	if passphrase != nil {
		secret = passphrase()
	}
	if secret == "" {
		return nil, errors.New("has a passphrase: set router.ssh_passphrase, or " + passphraseVariable + " in the environment")
	}
	signer, err = xssh.ParsePrivateKeyWithPassphrase(pem, []byte(secret))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errors.New("its passphrase (router.ssh_passphrase, or " + passphraseVariable + " in the environment) is wrong")
	}
	return signer, err
}

// modernRSA returns an RSA key that does not sign with SHA-1.
func modernRSA(s xssh.Signer) (xssh.Signer, error) {
	able, ok := s.(xssh.AlgorithmSigner)
	if !ok {
		return s, nil
	}
	return xssh.NewSignerWithAlgorithms(able, []string{xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256})
}
