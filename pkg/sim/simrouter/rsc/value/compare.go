package value

// Equal compares across types: what looks the same is the same.
func Equal(a, b Value) bool {
	if a.Kind == Array && b.Kind == Array && len(a.items) != len(b.items) {
		return false
	}
	x, ok1 := a.ToBool()
	y, ok2 := b.ToBool()
	if ok1 && ok2 && (a.Kind == Bool || b.Kind == Bool) {
		return x == y
	}
	if a.Kind == Time && b.Kind == Time {
		return a.num == b.num
	}
	return a.Text() == b.Text()
}

// Less compares numbers and times as such and everything else as text.
func Less(a, b Value) bool {
	if (a.Kind == Bool || b.Kind == Bool) && Equal(a, b) {
		return false
	}
	if a.Kind == Time && b.Kind == Time {
		return a.num < b.num
	}
	x, ok1 := a.ToNum()
	y, ok2 := b.ToNum()
	if ok1 && ok2 {
		return x < y
	}
	return a.Text() < b.Text()
}

// Like gives what is compared with a property the property's type: routers
// read 500M where rates are, and 10m where times are.
func Like(property, v Value) Value {
	if v.Kind != Str {
		return v
	}
	switch property.Kind {
	case Num:
		if n, ok := rate(v.text); ok {
			return OfNum(n)
		}
	case Time:
		if d, ok := ParseTime(v.text); ok {
			return OfTime(d, FormatTime(d))
		}
	}
	return v
}

// rate reads 500M, 1k or 2G.
func rate(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	factor := map[byte]int64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9}[s[len(s)-1]]
	if factor == 0 {
		return Number(s)
	}
	n, ok := Number(s[:len(s)-1])
	if !ok || n > (1<<62)/factor || n < -(1<<62)/factor {
		return 0, false
	}
	return n * factor, true
}
