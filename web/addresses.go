package web

import (
	"net"
	"net/netip"
	"syscall"
)

// ownAddresses returns the addresses of this machine, public ones among them:
// what listens there is often meant for it alone.
func ownAddresses() (list []netip.Addr) {
	all, _ := net.InterfaceAddrs() // where they are not told there are none to compare with
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, prefix.Addr().Unmap())
		}
	}
	return list
}

func notPublic(host string) error {
	return forbidden("The host " + quote(host) + " is at an address of a private or special network; images are fetched from the open internet only.")
}

// controlPublic is the last look at an address, right before the connection.
func controlPublic(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !public(a.Addr()) {
		return notPublic(address)
	}
	return nil
}

// special are the networks that are not the open internet, besides those that
// netip knows by name: IANA's registries of special-purpose addresses (RFC 6890).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32", // the last one is the host of Azure's machines
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // Teredo, documentation, 6to4: IPv4 in disguise
)

// unicast is where all public IPv6 addresses are; NAT64 and mapped ones are not.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// public reports whether an address is of the open internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !unicast.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
