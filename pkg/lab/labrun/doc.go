// Package labrun runs a Scenario in the lab with a Controller and measures
// the result: Run returns a Record of all observations, Record.Report computes
// figures that can be compared, WriteTable prints them.
//
// Delay is measured by a pinger of its own, fifty times a second, independently
// of what the controller measures.
package labrun
