package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Format is the number of the format of documents that this package reads and writes.
const Format = 1

// Namespace is that of the signatures: a signature for another purpose is none of a set.
const Namespace = "wanctl-config"

// Keys makes and checks signatures, see package sshsig.
type Keys struct {
	// Sign returns the signature of a document; nil for who only reads.
	Sign func(document []byte) (signature string, err error)
	// Verify returns who signed a document. Errors name the key.
	Verify func(signature string, document []byte) (who string, err error)
}

// Release says which set the nodes of a stage are to have.
type Release struct {
	Format   int      `json:"format"`
	Stage    string   `json:"stage"`
	Revision uint64   `json:"revision"`
	Set      string   `json:"set_sha256"` // of the document set/REVISION
	Previous []uint64 `json:"previous"`   // revisions with what the stage had before, the latest first
}

// MaxPrevious is how many revisions back `rollback` goes by itself.
const MaxPrevious = 20

// envelope is a signed document. The signature is of the text of the document as it is.
type envelope struct {
	Document  string `json:"document"`
	Signature string `json:"signature"`
}

// ErrFormat is the cause where a document has a format of another version of wanctl.
var ErrFormat = errors.New("unknown format")

// strict decodes one JSON document of format 1 without keys that into does not have.
func strict(text []byte, into any) error {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("is not readable: %w", err)
	}
	switch {
	case head.Format == nil:
		return errors.New("has no format")
	case *head.Format != Format:
		return fmt.Errorf("%w: %d; this wanctl reads format %d: use a wanctl of the version that wrote it", ErrFormat, *head.Format, Format)
	}
	return decode(text, into)
}

func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("is not readable: %w", err)
	}
	if d.More() {
		return errors.New("is followed by something else")
	}
	return nil
}

// RefusedError says that a document is not to be used, however often it is fetched.
type RefusedError struct{ Cause error }

func (e *RefusedError) Error() string { return e.Cause.Error() }

// Unwrap returns why.
func (e *RefusedError) Unwrap() error { return e.Cause }

// seal returns a signed document, and the hash of its text.
func (k Keys) seal(document any) (value []byte, hash string, err error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, "", err
	}
	signature, err := k.Sign(text)
	if err != nil {
		return nil, "", err
	}
	value, err = json.Marshal(envelope{string(text), signature})
	if err == nil && len(value) > MaxValue {
		err = fmt.Errorf("the list of files has %d bytes, more than the bus takes at once, %d: use shorter names or fewer files", len(value), MaxValue)
	}
	return value, sum(text), err
}

// open reads a signed document into one of the documents, and returns who signed it, and the
// hash of its text. The signature comes first: nothing else of a stranger's is read.
func (k Keys) open(value []byte, into any) (who, hash string, err error) {
	if len(value) > MaxValue {
		return "", "", fmt.Errorf("has %d bytes, more than %d", len(value), MaxValue)
	}
	var e envelope
	if err := decode(value, &e); err != nil {
		return "", "", err
	}
	if who, err = k.Verify(e.Signature, []byte(e.Document)); err != nil {
		return "", "", err
	}
	return who, sum([]byte(e.Document)), strict([]byte(e.Document), into)
}

// ClaimedRevision returns the revision that a release says it has, before anybody has looked
// at its signature; 0: none.
func ClaimedRevision(value []byte) uint64 {
	var e envelope
	var r struct {
		Revision uint64 `json:"revision"`
	}
	if len(value) > MaxValue || json.Unmarshal(value, &e) != nil || json.Unmarshal([]byte(e.Document), &r) != nil || r.Revision > MaxRevision {
		return 0
	}
	return r.Revision
}

// OpenRelease reads release/STAGE, and returns who signed it.
func (k Keys) OpenRelease(stage string, value []byte) (r *Release, who string, err error) {
	r = new(Release)
	who, _, err = k.open(value, r)
	switch {
	case err != nil:
	case r.Stage != stage:
		err = fmt.Errorf("is the release of the stage %.80q", r.Stage)
	case r.Revision == 0 || r.Revision > MaxRevision || len(r.Previous) > MaxPrevious || slices.Max(append(r.Previous, 0)) >= r.Revision:
		err = fmt.Errorf("has the revision %d after %d others", r.Revision, len(r.Previous))
	}
	if err != nil {
		return nil, "", &RefusedError{fmt.Errorf("release/%s: %w", stage, err)}
	}
	return r, who, nil
}

// openSet reads set/REVISION. hash is that of its text, where it is known.
func (k Keys) openSet(revision uint64, hash string, value []byte) (*Set, error) {
	s := new(Set)
	_, found, err := k.open(value, s)
	switch {
	case err != nil:
	case s.Revision != revision:
		err = fmt.Errorf("is the set of revision %d", s.Revision)
	case hash != "" && hash != found:
		err = errors.New("is another set than that of the release")
	default:
		err = checkFiles(s.Files)
	}
	if err != nil {
		return nil, &RefusedError{fmt.Errorf("%s: %w", setKey(revision), err)}
	}
	return s, nil
}
