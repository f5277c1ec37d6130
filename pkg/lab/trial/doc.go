// Package trial plays a Scenario on the lab against a Controller and says what
// that was worth: Run gives a Record of everything that was seen, Record.Report
// the figures that can be compared, WriteTable shows them.
//
// The judge is a ping of its own, fifty a second, apart from whatever the
// controller measures.
package trial
