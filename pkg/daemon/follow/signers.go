package follow

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/fleet/sshsig"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Signers returns what checks signatures by the keys in a file of allowed signers, which it
// reads each time: a key that is removed counts no more at once.
func Signers(path string) func(signature string, document []byte) (who string, err error) {
	return func(signature string, document []byte) (string, error) {
		text, err := regfile.Read(path, sshsig.MaxSigners)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s does not exist: write into it whose keys may sign, in lines such as 'NAME ssh-ed25519 AAAA', see ssh-keygen(1)", path)
		} else if err != nil {
			return "", err
		}
		signers, err := sshsig.ParseSigners(path, text)
		if err != nil {
			return "", err
		}
		return signers.Verify(signature, release.Namespace, document, time.Now())
	}
}
