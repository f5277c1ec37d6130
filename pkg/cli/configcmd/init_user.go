package configcmd

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/router"
)

// logIn asks for the user until the router lets it in, or the person goes on without.
// Another error than refused credentials is returned.
func (i *initializer) logIn(ctx context.Context) error {
	for {
		if err := i.askUser(); err != nil {
			return err
		}
		err := i.try(ctx)
		if err == nil || !errors.Is(err, router.ErrAuth) {
			return err
		}
		again, err := i.retry(err, "Try again with another user or password? Without, the user is made later, with that password.")
		if err != nil || !again {
			return err
		}
	}
}

func (i *initializer) askUser() error {
	r := &i.router
	user, err := i.ask(question{
		flag: "user", text: "User on the router", propose: cmp.Or(r.User, "wanctl"), check: scalar(schema.User),
		explain: "wanctl needs a user of its own there; one that does not exist yet is made later.",
	}, i.flags.user)
	if err != nil {
		return err
	}
	r.User = user
	if err := i.checkAccess(); err != nil {
		return err
	}
	if r.SSHKey = i.flags.sshKey; r.SSHKey != "" {
		r.SSHKey, err = filepath.Abs(r.SSHKey)
		return err
	}
	return i.askPassword()
}

// askPassword reads the password of the user from its variable, or asks for it. An empty
// variable counts as not set, unless it is the only source or was named.
func (i *initializer) askPassword() error {
	r, variable := &i.router, i.flags.passwordEnv
	if value, set := i.LookupEnv(variable); set && (value != "" || !i.tty || i.given("password-env")) {
		if err := checkPassword(value); err != nil {
			return app.Usagef("--password-env: the password of %s in the environment variable %s %v", r.User, variable, err)
		}
		r.Password = config.NewSecret(value)
		return nil
	}
	if !i.tty {
		i.missing = append(i.missing, "--password-env: environment variable that holds the password of "+r.User+", such as "+config.PasswordVariable)
		return nil
	}
	for {
		secret, err := i.password("Password of " + r.User + " (not shown)")
		if err != nil {
			return err
		}
		if err = checkPassword(secret); err == nil {
			r.Password = config.NewSecret(secret)
			return nil
		}
		i.say("  The password %v.\n", err)
	}
}

// checkPassword returns an error for what a configuration has no use for.
func checkPassword(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	return schema.CheckSecret(s)
}
