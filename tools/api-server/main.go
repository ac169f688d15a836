// Command api-server serves custom resources as Kubernetes does, over plain HTTP on 127.0.0.1.
//
// It is the apiextensions-apiserver with that listener in place of TLS, so a test needs no certificates.
// It has no admission plugins and no flow control: both ask a server of Kubernetes' core, and there is none.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	"k8s.io/apiserver/pkg/admission"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/rest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "api-server:", err)
		os.Exit(1)
	}
}

func run() error {
	o := options.NewCustomResourceDefinitionsServerOptions(os.Stdout, os.Stderr)
	o.RecommendedOptions.SecureServing.BindPort = 0
	o.RecommendedOptions.Admission = nil
	o.RecommendedOptions.CoreAPI = nil
	o.RecommendedOptions.ExtraAdmissionInitializers = withoutCore
	o.RecommendedOptions.Features.EnablePriorityAndFairness = false
	o.RecommendedOptions.Authentication.RemoteKubeConfigFileOptional = true
	o.RecommendedOptions.Authorization.RemoteKubeConfigFileOptional = true

	flags := pflag.NewFlagSet("api-server", pflag.ContinueOnError)
	o.AddFlags(flags)
	address := flags.String("http-address", "127.0.0.1:0", "Address to serve on")
	token := flags.String("admin-token", "", "Bearer token of a user who may do everything")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	if *token == "" {
		return errors.New("--admin-token is missing")
	}
	if err := errors.Join(o.ServerRunOptions.ComponentGlobalsRegistry.Set(), o.Complete(), o.Validate()); err != nil {
		return err
	}

	config, err := o.Config()
	if err != nil {
		return err
	}
	config.GenericConfig.SharedInformerFactory = nil
	config.GenericConfig.ExternalAddress = *address
	config.GenericConfig.LoopbackClientConfig = &rest.Config{Host: "http://" + *address, BearerToken: *token}
	server, err := config.Complete().New(genericapiserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	prepared := server.GenericAPIServer.PrepareRun()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	go func() {
		fmt.Fprintln(os.Stderr, "api-server:", http.Serve(listener, server.GenericAPIServer.Handler))
		os.Exit(1)
	}()
	return prepared.RunWithContext(genericapiserver.SetupSignalContext())
}

// withoutCore gives the configuration informers that hold nothing and never start. The options want a lister of
// services for the conversion webhooks of definitions.
func withoutCore(config *genericapiserver.RecommendedConfig) ([]admission.PluginInitializer, error) {
	config.SharedInformerFactory = informers.NewSharedInformerFactory(nil, 0)
	return nil, nil
}
