package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io"
	"net/http"
	"path"
	"sync"
	"time"
)

//go:embed assets
var assetFS embed.FS

//go:embed page.html fleet.html
var templateFS embed.FS

// templates returns the embedded page, which is parsed when the first browser asks for
// it: an error in it is one of the build.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Option("missingkey=error").ParseFS(templateFS, "page.html"))
})

// contentTypes are the types of the files that are served; a system's own table
// may be empty or wrong.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

type asset struct {
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
		sum := sha256.New()
		if _, err := io.Copy(sum, openAsset(e.Name())); err != nil {
			panic(err)
		}
		assets[e.Name()] = asset{contentType, `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`}
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
		http.ServeContent(w, r, "", time.Time{}, openAsset(r.PathValue("name")))
	})
}

// openAsset returns an embedded file as it is in the executable, without a copy.
func openAsset(name string) io.ReadSeeker {
	f, err := assetFS.Open("assets/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return f.(io.ReadSeeker)
}
