# mx-survey: build, test, install. `make demo` shows what it does; `make test` passes the tests.
PREFIX ?= /usr/local
BINPREFIX ?= $(PREFIX)/bin
MANPREFIX ?= $(PREFIX)/share/man
COMPLETIONS ?= $(PREFIX)/share
CARGO ?= cargo
.DEFAULT_GOAL := build
PROGRAMS = leak-count mx-lookup policy-lookup policy-fetch smtp-probe tls-inspect to-sqlite report header-trace mail-lab mx-survey

.PHONY: setup build demo test lint install uninstall

# Once, as root: what the tests run our programs against.
setup:
	tests/peers/setup

# The programs say it under -V, and in every run line.
build: export MX_SURVEY_COMMIT ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
build:
	$(CARGO) build --release --locked --features lab

# The main job on an embedded world, into demo.db and demo.html.
demo: build
	demo/run

# The study of 2014 at its full size, number by number, into study.db and study.html. SHORTEN=100: a hundredth of its list.
.PHONY: study
study: build
	study/run

# Three random worlds of 100,000 domains, each compared with its own truth; some ten minutes.
.PHONY: random
random: build
	study/random

# As root it installs what the tests run our programs against, where that is missing, and runs them all; else without those.
PEERS := $(shell [ "$$(id -u)" = 0 ] && echo ,peers)
test:
	if [ "$$(id -u)" = 0 ]; then tests/peers/setup; else echo "not root: tests that want other people's programs are passed over"; fi
	$(CARGO) test --locked --features lab$(PEERS)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features lab -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --locked --features lab
	mandoc -T lint -W warning man/*.[157]

# mail-lab as a load target, beside a bare client.
.PHONY: bench-lab
bench-lab:
	$(CARGO) bench --locked --features lab --bench lab

# Each family of the library alone.
.PHONY: families
families:
	tests/families

install: build
	install -d $(DESTDIR)$(BINPREFIX) $(DESTDIR)$(MANPREFIX)/man1 $(DESTDIR)$(MANPREFIX)/man5 $(DESTDIR)$(MANPREFIX)/man7
	for program in $(PROGRAMS); do install -m 755 target/release/$$program $(DESTDIR)$(BINPREFIX)/ || exit 1; done
	etc/completions target/release target/completions
	install -d $(DESTDIR)$(COMPLETIONS)/bash-completion/completions $(DESTDIR)$(COMPLETIONS)/zsh/site-functions \
		$(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d
	install -m 644 target/completions/bash/* $(DESTDIR)$(COMPLETIONS)/bash-completion/completions/
	install -m 644 target/completions/zsh/* $(DESTDIR)$(COMPLETIONS)/zsh/site-functions/
	install -m 644 target/completions/fish/* $(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d/
	for section in 1 5 7; do install -m 644 man/*.$$section $(DESTDIR)$(MANPREFIX)/man$$section/ || exit 1; done

# leak-count beside mawk on a list of 1 GB, which is made up in a temporary directory.
bench-leak:
	benches/leak.sh

# CPU of to-sqlite beside sqlite3 .import of the same rows; fails above twice as much.
.PHONY: bench-store
bench-store:
	benches/store.sh

# CPU of report's answers beside the sqlite3 shell and DuckDB at the same file.
.PHONY: bench-report
bench-report:
	benches/report.sh

# 100,000 messages through header-trace; fails above 1.65 s of CPU.
bench-header:
	$(CARGO) bench --locked --bench header

# A Debian package, and an archive of static programs: minutes of linking. cargo-deb from crates.io.
.PHONY: deb dist release-check
deb: export MX_SURVEY_COMMIT ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
deb:
	$(CARGO) build --profile dist --locked --features lab
	etc/completions target/dist target/completions
	$(CARGO) deb --no-build --profile dist --locked
dist:
	etc/dist

# Before a release, as root: lintian, the package in a clean Debian (debootstrap), the archive in an empty root, the crate.
release-check: deb dist
	lintian --allow-root --fail-on error,warning target/debian/*.deb
	tests/release/deb target/debian/*.deb
	tests/release/static target/static/*.tar.gz
	$(CARGO) package --locked

uninstall:
	for program in $(PROGRAMS); do rm -f $(DESTDIR)$(BINPREFIX)/$$program $(DESTDIR)$(MANPREFIX)/man1/$$program.1 \
		$(DESTDIR)$(COMPLETIONS)/bash-completion/completions/$$program $(DESTDIR)$(COMPLETIONS)/zsh/site-functions/_$$program \
		$(DESTDIR)$(COMPLETIONS)/fish/vendor_completions.d/$$program.fish; done
	rm -f $(DESTDIR)$(MANPREFIX)/man5/mx-survey.5 $(DESTDIR)$(MANPREFIX)/man5/mx-survey-db.5 \
		$(DESTDIR)$(MANPREFIX)/man7/mx-survey.7 $(DESTDIR)$(MANPREFIX)/man7/mx-survey-problems.7

# What smtp-probe costs this machine, beside a bare loop.
bench-smtp:
	$(CARGO) bench --locked --features lab --bench smtp

# A validating resolver of one's own, as an ordinary user, until it is interrupted: mx-lookup --nameserver 127.0.0.1:5353
RESOLVER ?= 127.0.0.1@5353
.PHONY: resolver
resolver:
	install -d target/resolver
	test -e target/resolver/root.key || install -m 644 etc/root.key target/resolver/
	sed 's/127\.0\.0\.1@5353/$(RESOLVER)/' etc/unbound.conf > target/resolver/unbound.conf
	cd target/resolver && PATH="$$PATH:/usr/sbin" exec unbound -d -c unbound.conf

# 100,000 names through mx-lookup, with the CPU time it takes; dnsperf beside it.
.PHONY: bench-dns
bench-dns: build
	benches/dns.sh

# What smtp-probe --tls and tls-inspect cost this machine, beside a bare loop of the same steps.
.PHONY: bench-tls
bench-tls:
	$(CARGO) bench --locked --features lab --bench tls

# What policy-lookup costs this machine, beside a bare client asking the same questions.
.PHONY: bench-policy
bench-policy:
	$(CARGO) bench --locked --features lab --bench policy

# smtp-probe and 100,000 domains in a network namespace: every limit kept, as the servers see it, and the end between the two times of
# --dry-run. Some minutes.
.PHONY: bench-pacing
bench-pacing:
	$(CARGO) test --release --locked --features lab --test all -- --ignored --exact --nocapture \
		smtp_probe::pacing::a_hundred_thousand_domains_keep_all_limits_and_end_between_two_times
