// Package sshsig makes and checks detached signatures by SSH keys, in the format of
// `ssh-keygen -Y sign` and `-Y verify` (PROTOCOL.sshsig of OpenSSH), and reads files of
// allowed signers. It opens no file, holds no key, and knows no time but the one it is given.
package sshsig

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	magic   = "SSHSIG"
	version = 1
	begin   = "-----BEGIN SSH SIGNATURE-----"
	end     = "-----END SSH SIGNATURE-----"
	width   = 70 // of a line of the armor

	// MaxSize bounds an armored signature, in bytes. One by RSA with 16384 bits has 6 kB.
	MaxSize = 1 << 14
)

// Signature is one that has been read and not been verified.
type Signature struct {
	Key       ssh.PublicKey // that it says it is by
	Namespace string

	hash      string
	signature ssh.Signature
}

// blob is the signature in the armor.
type blob struct {
	Magic     [len(magic)]byte
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// signed is what the key signs.
type signed struct {
	Magic     [len(magic)]byte
	Namespace string
	Reserved  string
	Hash      string
	Sum       []byte
}

func toBeSigned(namespace, hash string, message []byte) ([]byte, error) {
	s := signed{Magic: [len(magic)]byte([]byte(magic)), Namespace: namespace, Hash: hash}
	switch hash {
	case "sha256":
		sum := sha256.Sum256(message)
		s.Sum = sum[:]
	case "sha512":
		sum := sha512.Sum512(message)
		s.Sum = sum[:]
	default:
		return nil, fmt.Errorf("the hash %q is neither sha256 nor sha512", hash)
	}
	return ssh.Marshal(s), nil
}

// Sign returns the armored signature of message in a namespace.
func Sign(key ssh.Signer, namespace string, message []byte) (string, error) {
	const hash = "sha512"
	text, err := toBeSigned(namespace, hash, message)
	if err != nil {
		return "", err
	}
	var s *ssh.Signature
	if key.PublicKey().Type() == ssh.KeyAlgoRSA {
		with, ok := key.(ssh.AlgorithmSigner)
		if !ok {
			return "", errors.New("this RSA key can sign by SHA-1 alone: use a key of the type ed25519")
		}
		s, err = with.SignWithAlgorithm(rand.Reader, text, ssh.KeyAlgoRSASHA512)
	} else {
		s, err = key.Sign(rand.Reader, text)
	}
	if err != nil {
		return "", err
	}
	all := ssh.Marshal(blob{
		Magic: [len(magic)]byte([]byte(magic)), Version: version, Key: key.PublicKey().Marshal(),
		Namespace: namespace, Hash: hash, Signature: ssh.Marshal(s),
	})
	var out strings.Builder
	out.WriteString(begin + "\n")
	for text := base64.StdEncoding.EncodeToString(all); text != ""; {
		n := min(width, len(text))
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	out.WriteString(end + "\n")
	return out.String(), nil
}

// Parse reads an armored signature.
func Parse(armored string) (*Signature, error) {
	if len(armored) > MaxSize {
		return nil, fmt.Errorf("a signature of more than %d bytes", MaxSize)
	}
	text, found := strings.CutPrefix(strings.TrimSpace(armored), begin)
	text, ended := strings.CutSuffix(text, end)
	if !found || !ended {
		return nil, errors.New("no SSH signature")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("no SSH signature: %w", err)
	}
	var b blob
	if err := ssh.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("no SSH signature: %w", err)
	}
	switch {
	case string(b.Magic[:]) != magic:
		return nil, errors.New("no SSH signature")
	case b.Version != version:
		return nil, fmt.Errorf("an SSH signature of version %d; this program reads version %d", b.Version, version)
	}
	s := &Signature{Namespace: b.Namespace, hash: b.Hash}
	if s.Key, err = ssh.ParsePublicKey(b.Key); err != nil {
		return nil, fmt.Errorf("the key of an SSH signature: %w", err)
	}
	if err := ssh.Unmarshal(b.Signature, &s.signature); err != nil {
		return nil, fmt.Errorf("no SSH signature: %w", err)
	}
	return s, nil
}

// Verify returns nil if the signature is one of message, in the namespace, by its key.
// Whether that key may sign is for Signers to say.
func (s *Signature) Verify(namespace string, message []byte) error {
	if s.Namespace != namespace {
		return fmt.Errorf("a signature for %q, not for %q", s.Namespace, namespace)
	}
	if s.signature.Format == ssh.KeyAlgoRSA {
		return errors.New("a signature by RSA with SHA-1")
	}
	text, err := toBeSigned(namespace, s.hash, message)
	if err != nil {
		return err
	}
	if err := s.Key.Verify(text, &s.signature); err != nil {
		return fmt.Errorf("the signature is not of this text: %w", err)
	}
	return nil
}

// Signer is a private key, or an agent that has it.
type Signer = ssh.Signer

// ParseKey reads a private key. One that is encrypted is opened with what passphrase returns.
func ParseKey(text []byte, passphrase func() ([]byte, error)) (Signer, error) {
	key, err := ssh.ParsePrivateKey(text)
	var encrypted *ssh.PassphraseMissingError
	if !errors.As(err, &encrypted) {
		return key, err
	}
	secret, err := passphrase()
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKeyWithPassphrase(text, secret)
}

// AgentKey returns the key of a public key's file, which an agent behind a connection has.
func AgentKey(conn io.ReadWriter, public []byte) (Signer, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return nil, errors.New("is no public key")
	}
	list, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, fmt.Errorf("asking the agent: %w", err)
	}
	for _, s := range list {
		if equal(s.PublicKey(), key) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("the agent does not have the key %s: ssh-add", Fingerprint(key))
}

// Own returns the signers of whom key alone is one.
func Own(key Signer) *Signers {
	return &Signers{file: "the own key", list: []signer{{principals: "you", key: key.PublicKey()}}}
}

// Fingerprint returns a key's name, as `ssh-keygen -l` prints it.
func Fingerprint(key ssh.PublicKey) string { return ssh.FingerprintSHA256(key) }

func equal(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }
