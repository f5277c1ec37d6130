package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assetFS embed.FS

//go:embed page.html
var templateFS embed.FS

// templates is parsed when the program starts: an error in an embedded file is
// an error of the build.
var templates = template.Must(template.New("page").Option("missingkey=error").ParseFS(templateFS, "page.html"))

// contentTypes are the types of the files that are served; a system's own table
// may be empty or wrong.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

type asset struct {
	body        []byte
	contentType string
	etag        string
}

// assetHandler serves the embedded files by the path value name. Browsers cache
// them but revalidate each time, so that a page never runs the script of an
// older version.
func assetHandler() http.Handler {
	assets := map[string]asset{}
	entries, err := assetFS.ReadDir("assets")
	if err != nil {
		panic(err) // the directory is embedded
	}
	for _, e := range entries {
		contentType, served := contentTypes[path.Ext(e.Name())]
		if !served {
			continue
		}
		body, err := assetFS.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		assets[e.Name()] = asset{body, contentType, `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, found := assets[r.PathValue("name")]
		if !found {
			http.NotFound(w, r)
			return
		}
		head := w.Header()
		head.Set("Content-Type", a.contentType)
		head.Set("Cache-Control", "no-cache")
		head.Set("ETag", a.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	})
}
