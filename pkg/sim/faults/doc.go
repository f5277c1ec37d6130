// Package faults tries faults on the running program: shape, steer or serve as a process
// of its own, before the simulated router, with hostile routers, networks, hosts, files,
// clients and signals. What must come of each fault is data, in testdata. The package
// knows neither the loop nor the law.
package faults
