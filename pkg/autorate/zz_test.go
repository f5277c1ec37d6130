package autorate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

func TestZZ(t *testing.T) {
	sd, _ := strconv.Atoi(os.Getenv("SEED"))
	from, _ := strconv.ParseFloat(os.Getenv("FROM"), 64)
	to, _ := strconv.ParseFloat(os.Getenv("TO"), 64)
	seed := uint64(sd)
	cfg := anyConfig(rand.New(rand.NewPCG(seed, 27)))
	cfg.Target, cfg.LoadTimeConstant = max(cfg.Target, 10*time.Millisecond), min(cfg.LoadTimeConstant, time.Second)
	cfg.Warn, cfg.HardRed = cfg.Target*2, cfg.Target*4
	l := newLine(cfg, seed)
	for range 30 {
		l.trouble()
		l.base = 20 * time.Millisecond
		l.run(time.Duration(l.rng.Int64N(int64(2*time.Second))), nil)
	}
	fmt.Printf("cfg %+v\n", cfg)
	start := l.now
	l.calm([2]float64{0.2 + l.rng.Float64(), 0.2 + l.rng.Float64()})
	l.demand = [2]float64{greedy, greedy}
	l.run(max(2*time.Minute, 600*cfg.Tick), func(dec autorate.Decision) {
		at := (l.now - start).Seconds()
		if at < from || at > to {
			return
		}
		fmt.Printf("%7.2f q %5.1f+%5.1f x %5.1f/%4.1f sl %5.2f", at, l.queue[0]/l.capacity[0]*1e3, l.queue[1]/l.capacity[1]*1e3, float64(dec.Excess)/1e6, float64(dec.Threshold)/1e6, dec.Slope)
		for d, dd := range dec.Directions {
			fmt.Printf(" | R %.3f T %.3f ld %.2f est %.3f b%.0f %s %-9.9s", float64(dd.Limit)/l.capacity[d], float64(dd.Throughput)/l.capacity[d], dd.Load, float64(dd.Capacity)/l.capacity[d], l.backlog[d], dd.State, dd.Reason)
		}
		fmt.Println()
	})
}

func TestYY(t *testing.T) {
	sd, _ := strconv.Atoi(os.Getenv("SEED"))
	from, _ := strconv.ParseFloat(os.Getenv("FROM"), 64)
	to, _ := strconv.ParseFloat(os.Getenv("TO"), 64)
	first, then := [2]bool{}, [2]bool{true, true}
	switch os.Getenv("FIRST") {
	case "u":
		first[1] = true
	case "d":
		first[0] = true
	}
	seed := uint64(sd)
	l := newLine(plainConfig(), seed)
	pick := func() {
		for d := range l.capacity {
			l.capacity[d] = float64(l.cfg.Directions[d].Ceiling) * (0.2 + 0.8*l.rng.Float64())
		}
	}
	load := func(loaded [2]bool) {
		for d := range loaded {
			l.demand[d] = 0
			if loaded[d] {
				l.demand[d] = greedy
			}
		}
	}
	pick()
	l.run(5*time.Second, nil)
	load(first)
	l.run(time.Duration(l.rng.Int64N(int64(5*time.Second))), nil)
	if seed%2 == 0 {
		pick()
	}
	l.run(time.Duration(l.rng.Int64N(int64(2*time.Second))), nil)
	load(then)
	l.run(30*time.Second, func(dec autorate.Decision) {
		at := (l.now).Seconds()
		if at < from || at > to {
			return
		}
		fmt.Printf("%7.2f q %5.1f+%5.1f x %5.1f/%4.1f sl %5.2f", at, l.queue[0]/l.capacity[0]*1e3, l.queue[1]/l.capacity[1]*1e3, float64(dec.Excess)/1e6, float64(dec.Threshold)/1e6, dec.Slope)
		for d, dd := range dec.Directions {
			fmt.Printf(" | R %.3f T %.3f ld %.2f est %.3f b%.0f %s %-9.9s", float64(dd.Limit)/l.capacity[d], float64(dd.Throughput)/l.capacity[d], dd.Load, float64(dd.Capacity)/l.capacity[d], l.backlog[d], dd.State, dd.Reason)
		}
		fmt.Println()
	})
}
