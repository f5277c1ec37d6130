package routercmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// addressChange is the output for programs: the entry as the router has it
// afterwards, or had it before it was removed.
type addressChange struct {
	routerAddress
	Changed bool `json:"changed"` // or would be, in a dry run
	DryRun  bool `json:"dry_run"`
}

type listAddOptions struct {
	timeout string
	comment string
	dryRun  bool

	commentGiven bool
}

func newListAddCmd(a *app.App, o *connFlags) *cobra.Command {
	var add listAddOptions
	cmd := &cobra.Command{
		Use:   "add LIST ADDRESS",
		Short: "Add an entry to an address list",
		Long: `Add an entry to an address list; a list exists while it has entries. ADDRESS is an
address, a prefix, a range such as 10.0.0.1-10.0.0.9, or a host name with its
domain; it is written the way the router writes it. IPv6 goes into the lists of
the router's IPv6 firewall.

With --timeout the router removes the entry after that time and at a reboot, and does
not write it to flash. Without --timeout it is permanent.

An entry that exists is not changed. That is a success if it is enabled, has the given
comment, and is permanent or has a timeout that is not longer, as requested. Otherwise
the command names the difference, and the status is 5.`,
		Example: `  wanctl router address-list add FORCE_OUT_ATT 192.168.88.50 --comment "game console" --wan spectrum
  wanctl router address-list add GUESTS 10.0.9.0/24 --timeout 1d --host 192.168.88.1`,
		Args:              app.UsageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: o.complete(a, listNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			add.commentGiven = cmd.Flags().Changed("comment")
			entry, err := add.entry(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				change, err := addAddress(ctx, client, entry, add)
				if err != nil {
					return err
				}
				return printAddressChange(a, change, "added")
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&add.timeout, "timeout", "", "remove the entry after `TIME`, such as 1h, 30m or 2d")
	f.StringVar(&add.comment, "comment", "", "`COMMENT` of the entry")
	f.BoolVar(&add.dryRun, "dry-run", false, "read and compare, but write nothing")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("comment", cobra.NoFileCompletions)
	return app.Prints[addressChange](a, cmd)
}

func newListRemoveCmd(a *app.App, o *connFlags) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "remove LIST ADDRESS",
		Short: "Remove an entry from an address list",
		Long: `Remove the entry of that list and address. ADDRESS may be written differently
from the router's way, as long as it is the same: 10.0.0.1/32 is 10.0.0.1. An
entry that is absent is status 5.`,
		Example:           `  wanctl router address-list remove FORCE_OUT_ATT 192.168.88.50 --wan spectrum`,
		Args:              app.UsageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: o.complete(a, listNames, listAddresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, address, err := entryKey(args[0], args[1])
			if err != nil {
				return err
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				change, err := removeAddress(ctx, client, name, address, dryRun)
				if err != nil {
					return err
				}
				return printAddressChange(a, change, "removed")
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "look for the entry, but write nothing")
	return app.Prints[addressChange](a, cmd)
}

// entryKey checks what identifies an entry.
func entryKey(name, address string) (string, string, error) {
	if err := plainWord("list", name); err != nil {
		return "", "", err
	}
	address, err := rosdata.NormalAddress(address)
	if err != nil {
		return "", "", app.Usagef("%v", err)
	}
	return name, address, nil
}

// plainWord returns an error for a name that comes from a script with an unset
// variable, or that RouterOS would read as a flag.
func plainWord(what, s string) error {
	switch {
	case s == "":
		return app.Usagef("%s: a name is needed", what)
	case s[0] == '-':
		return app.Usagef("%s %q begins with a dash", what, s)
	case !utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl):
		return app.Usagef("%s %q holds control characters", what, s)
	}
	return nil
}

func (o *listAddOptions) entry(cmd *cobra.Command, name, address string) (router.Address, error) {
	name, address, err := entryKey(name, address)
	if err != nil {
		return router.Address{}, err
	}
	entry := router.Address{List: name, Address: address, Comment: o.comment}
	if !utf8.ValidString(o.comment) {
		return entry, app.Usagef("--comment %q is not UTF-8", o.comment)
	}
	if cmd.Flags().Changed("timeout") {
		entry.Timeout, err = rosdata.Duration(o.timeout)
		if err != nil || entry.Timeout < time.Second || entry.Timeout%time.Second != 0 {
			return entry, app.Usagef("--timeout %q: write whole seconds or more, such as 90s, 1h30m or 2d", o.timeout)
		}
	}
	return entry, nil
}

// addAddress adds an entry unless it exists. An existing entry that differs from
// the requested one is an error.
func addAddress(ctx context.Context, client router.Client, want router.Address, o listAddOptions) (addressChange, error) {
	change := addressChange{routerAddress: newRouterAddress(want), Changed: true, DryRun: o.dryRun}
	var (
		have router.Address
		err  error
	)
	if o.dryRun {
		have, err = findAddress(ctx, client, want.List, want.Address)
		if errors.Is(err, router.ErrNotFound) {
			return change, nil
		}
		if err != nil {
			return change, err
		}
	} else {
		have, err = client.AddAddress(ctx, want)
		if err == nil {
			change.routerAddress = newRouterAddress(have)
			return change, nil
		}
		if !errors.Is(err, router.ErrExists) {
			return change, unsure(err, "the entry may have been added: 'wanctl router address-list get' shows it")
		}
	}
	if differs := o.differences(want, have); len(differs) > 0 {
		return change, app.Checkf("%s in list %q exists already, but %s; remove it first, or leave it as it is",
			want.Address, want.List, strings.Join(differs, ", and "))
	}
	change.routerAddress, change.Changed = newRouterAddress(have), false
	return change, nil
}

// differences lists how an existing entry differs from the requested one.
func (o *listAddOptions) differences(want, have router.Address) []string {
	var differs []string
	if have.Disabled {
		differs = append(differs, "it is disabled")
	}
	if o.commentGiven && have.Comment != want.Comment {
		differs = append(differs, fmt.Sprintf("its comment is %q, not %q", have.Comment, want.Comment))
	}
	switch {
	case want.Timeout == 0 && have.Timeout > 0:
		differs = append(differs, fmt.Sprintf("it expires in %v", have.Timeout.Truncate(time.Second)))
	case want.Timeout == 0 && have.Dynamic:
		differs = append(differs, "the router made it by itself and may remove it")
	case want.Timeout > 0 && have.Timeout == 0:
		differs = append(differs, fmt.Sprintf("it stays, instead of expiring in %v", want.Timeout))
	case have.Timeout > want.Timeout:
		differs = append(differs, fmt.Sprintf("it expires in %v, not in %v", have.Timeout.Truncate(time.Second), want.Timeout))
	}
	return differs
}

// findAddress reads one entry without changing anything.
func findAddress(ctx context.Context, client router.Client, name, address string) (router.Address, error) {
	entries, err := client.Addresses(ctx, name)
	if err != nil {
		return router.Address{}, err
	}
	for _, e := range entries {
		if normal, err := rosdata.NormalAddress(e.Address); e.Address == address || err == nil && normal == address {
			return e, nil
		}
	}
	return router.Address{}, fmt.Errorf("%s in list %q: %w; the list has %s there", address, name, router.ErrNotFound, entryCount(len(entries)))
}

func removeAddress(ctx context.Context, client router.Client, name, address string, dryRun bool) (addressChange, error) {
	change := addressChange{routerAddress: routerAddress{List: name, Address: address}, Changed: true, DryRun: dryRun}
	if dryRun {
		have, err := findAddress(ctx, client, name, address)
		change.routerAddress = newRouterAddress(have)
		return change, err
	}
	return change, unsure(client.RemoveAddress(ctx, name, address), "the entry may be gone: 'wanctl router address-list get' shows it")
}

func printAddressChange(a *app.App, c addressChange, done string) error {
	text := done
	if !c.Changed {
		text = "unchanged"
	}
	if c.Timeout != nil {
		text += ", expires in " + secondsText(c.Timeout)
	}
	if c.DryRun && c.Changed {
		text += " (dry run, nothing written)"
	}
	return output.One(a.Out, a.Global.Output, c,
		fmt.Sprintf("%s: %s %s\n", output.Printable(c.List), output.Printable(c.Address), text))
}
