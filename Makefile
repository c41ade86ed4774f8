# Thin targets: what they do stands in scripts/ and, for the C programs,
# below.  "make help" lists them.
#
# A program is its main file, all other .c of its directory and what it
# uses of backend/common/ and common/.  Where a directory makes two programs
# their main files are named main_PROGRAM.c.

BUILD ?= build

CC ?= cc
OPT ?= -g -O2

CPPFLAGS += -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 \
            -Icommon -Ibackend/common -I/usr/include/postgresql -MMD -MP
CFLAGS += $(OPT) -std=gnu11 -Wall -Wextra -Werror -Wformat=2 \
          -Wno-format-nonliteral -fstack-protector-strong -fPIE

# A sum has the same bits on every processor: products are not fused into it.
# Nobody reads errno after sqrt().  backend/mlservice/hars_ml_four.h has no
# function whose ABI could be asked for.
CFLAGS += -ffp-contract=off -fno-math-errno -Wno-psabi
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed

PROGRAMS :=

.DEFAULT_GOAL := help

SECONDS ?= 60

.PHONY: help all dashboard run stop test test-interop test-pg test-crash test-browser unit fuzz \
        asan models chaos fresh style clean deps-run deps-test deps-fuzz \
        deps-browser programs test-programs module \
        install fog-faults fog-arm bench bench-quick bench-profile bench-micro \
        bench-pipeline deps-bench

help:
	@sed -n 's/^#: //p' Makefile

#: make run        install what is missing, build, start the demo, play the
#:                 fourteen steps and the attacks
#: make stop       end what make run started
#: make test       install what is missing, build, run the tests
#:                 (one file: make test T=t/02-answers.t)
#: make unit       the C unit tests alone
#: make fresh      make run and make test in bare Debian 12 and 13 roots
#:                 (one of them: make fresh SUITE=trixie)
#: make all        build: module and programs, nothing installed or started
#: make fuzz       each parser for a minute under a fuzzer (SECONDS=, TARGETS=)
#: make asan       the Test::Nginx suites in an nginx built under ASan, UBSan
#:                 and LeakSanitizer (one file: make asan T=t/02-answers.t;
#:                 under valgrind instead, slowly: VALGRIND=yes)
#: make chaos      Redis, the authorization server or both die under load, 50
#:                 rounds each (SHORT=yes: 3; one kind: make chaos T=kill)
#: make test-interop  clients of others (npm, Debian) against the reference
#:                 gateway (one file: make test-interop T=t/interop/curl.t)
#: make test-pg    the authorization server and the data collecting mechanism on
#:                 a PostgreSQL that the tests start, two instances, a PostgreSQL
#:                 that goes away (SHORT=yes: less; one file: make test-pg
#:                 T=t/pg/restart.t)
#: make test-browser  Chromium against the reference gateway, as root
#: make test-crash  kill -9 under load, on SQLite and PostgreSQL: nothing that
#:                 was answered is lost or doubled (ROUNDS=200; SHORT=yes: 10)
#: make models     the cache tiers and the fog's pseudonyms (docs/models), by
#:                 SPIN; the long searches left out: make models SHORT=yes
#: make bench      the gateway beside what else could check tokens, twelve
#:                 minutes, into bench/results (make bench-quick: two to three
#:                 minutes, into build/bench/results)
#: make bench-profile  instructions of a warm request by function, by callgrind
#: make bench-micro  instructions of single functions, beside the table in
#:                 bench/results/micro.txt (WRITE=yes: into it)
#: make bench-pipeline  what each of the fourteen steps costs, and rates of the
#:                 services, two minutes, into bench/results/pipeline.txt
#: make fog-faults  the key exchange of the fog: 200,000 attempts at a session,
#:                 more than half of them made, with every kind of fault, in
#:                 a minute (SESSIONS=, SEED=)
#: make fog-arm    its device part by gcc-arm-none-eabi: .text and stack
#: make dashboard  the page's files and, from npm, its charts (make run and
#:                 make all do that, too)
#: make style      what a machine can check of the house style
#: make install    into DESTDIR, paths of an installed system
#: make clean      remove what was built

run:
	@scripts/run.sh

stop:
	@scripts/run.sh stop

test:
	@scripts/test.sh $(T)

test-interop:
	@scripts/test-interop.sh $(T)

test-pg:
	@scripts/test-pg.sh $(if $(SHORT),--short) $(T)

test-browser: deps-browser all
	@prove -I t/lib $(or $(T),$(wildcard t/browser/*.t))

test-crash:
	@scripts/test-crash.sh $(if $(SHORT),--short)

unit:
	@scripts/test.sh --unit $(T)

fresh:
	@scripts/fresh.sh $(SUITE)

style:
	@scripts/style.sh

fuzz: deps-fuzz module
	@scripts/fuzz.sh $(SECONDS) $(TARGETS)

asan: deps-test programs
	@VALGRIND=$(VALGRIND) scripts/asan.sh $(T)

chaos: deps-test module programs
	@perl -I t/lib t/chaos.pl $(if $(SHORT),--rounds 3 --tokens 1000) $(T)

fog-faults:
	@$(MAKE) -s --no-print-directory UNIT=yes $(BUILD)/unit/aka_faults
	@HARS_FOG_SESSIONS=$(or $(SESSIONS),200000) HARS_FOG_SEED=$(or $(SEED),1) \
	    prove -v -e '' $(BUILD)/unit/aka_faults

fog-arm:
	@scripts/install-packages.sh arm
	@scripts/fog-arm.sh

bench: deps-bench
	@perl -I t/lib bench/gateway.pl

bench-quick: deps-bench
	@perl -I t/lib bench/gateway.pl --quick

bench-profile: deps-bench
	@perl -I t/lib bench/profile.pl

bench-pipeline: deps-bench
	@perl -I t/lib bench/pipeline.pl --write

bench-micro: deps-bench
	@perl bench/micro.pl $(if $(WRITE),--write,--check)

models:
	@SHORT=$(SHORT) scripts/models.sh $(T)

deps-run:
	@scripts/install-packages.sh run

deps-test:
	@scripts/install-packages.sh run test

deps-browser:
	@scripts/install-packages.sh run test browser dashboard

deps-bench:
	@scripts/install-packages.sh run bench

deps-fuzz:
	@scripts/install-packages.sh run fuzz

clean:
	@scripts/run.sh clean
	rm -rf build

install:
	@scripts/install.sh "$(DESTDIR)"

all: module programs dashboard

dashboard:
	@scripts/dashboard.sh $(BUILD)/dashboard

module:
	@scripts/build-module.sh $(BUILD)


# $(call archive,NAME,DIRECTORY): a library of what a directory has
define archive
$(BUILD)/lib/lib$(1).a: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(2)/*.c))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef

# $(call program,NAME,DIRECTORY,LIBRARIES): one program, where it is there
define program
ifneq ($(strip $(call sources,$(1),$(2))),)
PROGRAMS += $(BUILD)/bin/$(1)
$(BUILD)/bin/$(1): \
    $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1),$(2))) \
    $(BUILD)/lib/libhars_backend.a $(BUILD)/lib/libhars_record.a
	@mkdir -p $$(@D)
	@echo '   ld $$@'
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $(3)
endif
endef

mains = $(wildcard $(2)/main_*.c)
main = $(wildcard $(2)/main_$(patsubst hars-%,%,$(1)).c)
others = $(filter-out $(mains),$(wildcard $(2)/*.c))
sources = $(if $(mains),$(if $(main),$(main) $(others)),$(others))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '   cc $<'
	@$(CC) $(CPPFLAGS) -I$(<D) $(CFLAGS) -c -o $@ $<

# how a recording is read, by the ML service and by what collects them
RECORDING := drift feed inflate json_rows middle options packed recording rows \
             sift source text

$(eval $(call archive,hars_backend,backend/common))
$(eval $(call archive,hars_record,common))

$(eval $(call program,hars-authserver,backend/authserver,\
    -lmicrohttpd -ljansson -lsqlite3 -lpq -lhiredis -lssl -lcrypto -lsodium \
    -lpthread))
$(eval $(call program,hars,backend/client,\
    -lcurl -ljansson -lssl -lcrypto -lmicrohttpd -lz -lm -lpthread))
$(eval $(call program,hars-mlservice,backend/mlservice,\
    -lmicrohttpd -ljansson -lm -lpthread -lcrypto -lz))
$(eval $(call program,hars-train,backend/mlservice,\
    -lmicrohttpd -ljansson -lm -lpthread -lcrypto -lz))
$(eval $(call program,hars-dcm,backend/dcm,\
    -lcurl -lmicrohttpd -ljansson -lsqlite3 -lpq -lssl -lcrypto -lz -lm -lpthread))

$(eval $(call program,hars-fogcloud,backend/fog/cloud,\
    $(BUILD)/lib/libhars_aka.a -lmicrohttpd -ljansson -lsqlite3 -lpq -lsodium \
    -lcrypto -lpthread))

# the key exchange of the fog: with OpenSSL and libsodium for the services,
# with mbedTLS (without the password's Argon2id) to see that it is the same
AKA = $(patsubst backend/fog/aka/%.c,$(BUILD)/obj/backend/fog/aka/%.o,\
      $(filter-out %_mbedtls.c %_host.c,$(wildcard backend/fog/aka/*.c)))

$(BUILD)/lib/libhars_aka.a: $(AKA) \
    $(BUILD)/obj/backend/fog/aka/aka_crypto_host.o
$(BUILD)/lib/libhars_aka_mbedtls.a: $(filter-out %/aka_password.o,$(AKA)) \
    $(BUILD)/obj/backend/fog/aka/aka_crypto_mbedtls.o

$(BUILD)/lib/libhars_aka.a $(BUILD)/lib/libhars_aka_mbedtls.a:
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

# what wearable and fog node say to each other
$(eval $(call archive,hars_fog_link,backend/fog/link))
$(eval $(call program,hars-wearable,backend/fog/wearable,\
    -ljansson -lsodium -lcrypto -lz -lm))

$(eval $(call program,hars-fognode,backend/fog/node,\
    -lcurl -lmicrohttpd -ljansson -lssl -lsodium -lcrypto -lm -lpthread))

$(BUILD)/bin/hars-wearable $(BUILD)/bin/hars-fognode: \
    $(BUILD)/lib/libhars_fog_link.a $(BUILD)/lib/libhars_aka.a
$(BUILD)/obj/backend/fog/wearable/%.o $(BUILD)/obj/backend/fog/node/%.o \
$(BUILD)/obj/t/unit/hars_fn_%.o: \
    CPPFLAGS += -Ibackend/fog/aka -Ibackend/fog/link

$(BUILD)/bin/hars-fogcloud: $(BUILD)/lib/libhars_aka.a
$(BUILD)/obj/backend/fog/cloud/%.o $(BUILD)/obj/t/unit/hars_fc_%.o: \
    CPPFLAGS += -Ibackend/fog/aka

KAT = $(patsubst %,$(BUILD)/obj/t/fog/%.o,kat kat_run)
$(KAT): CPPFLAGS += -Ibackend/fog/aka

$(BUILD)/t/fog_kat: $(KAT) $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto

$(BUILD)/t/fog_kat_mbedtls: $(KAT) $(BUILD)/lib/libhars_aka_mbedtls.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lmbedcrypto

$(BUILD)/obj/t/fog/wipe.o: CPPFLAGS += -Ibackend/fog/aka

$(BUILD)/t/fog_wipe: $(BUILD)/obj/t/fog/wipe.o $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto -lpthread

$(BUILD)/t/kill_send.so: t/fog/kill_send.c
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC \
	    -shared -o $@ $< -ldl

$(BUILD)/obj/t/fog/party.o: CPPFLAGS += -Ibackend/fog/aka

$(BUILD)/t/fog_party: $(BUILD)/obj/t/fog/party.o $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto

$(BUILD)/t/fog_roles_mbedtls: $(BUILD)/obj/t/unit/aka_roles.o \
    $(BUILD)/lib/libhars_aka_mbedtls.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lmbedcrypto

$(BUILD)/obj/t/fog/node_double.o: CPPFLAGS += -Ibackend/fog/link

$(BUILD)/t/fog_node_double: $(BUILD)/obj/t/fog/node_double.o \
    $(BUILD)/lib/libhars_fog_link.a $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto -lm

test-programs: $(BUILD)/t/fog_kat_mbedtls $(BUILD)/t/fog_wipe \
    $(BUILD)/t/fog_roles_mbedtls $(BUILD)/t/fog_node_double

programs: $(PROGRAMS) $(BUILD)/t/fog_kat $(BUILD)/t/fog_party \
    $(BUILD)/t/kill_send.so


# A unit test is a program of its own; a comment near its top says what to
# link besides: "link: FILE.c -lfoo", more than one such line may stand there.
# make UNIT=yes BUILD/unit/NAME makes it.
# $(call unit,FILE)
define unit
$(1:t/unit/%.c=$(BUILD)/unit/%): $(1:%.c=$(BUILD)/obj/%.o) \
    $(patsubst %.c,$(BUILD)/obj/%.o,$(filter %.c,$(call linked,$(1))))
	@mkdir -p $$(@D)
	@echo '   ld $$@'
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $(filter-out %.c,$(call linked,$(1)))
endef

# those of the module's files need nginx's headers, which "make module" makes
NGINX_INCLUDE = $(addprefix -Ibuild/nginx-src/src/,core event event/modules \
                event/quic os/unix http http/modules http/v2 http/v3) \
                -Ibuild/nginx-src/objs

$(BUILD)/obj/t/unit/ngx_%.o: CPPFLAGS += -Ingx_hars_module -Ifuzz \
                                         $(NGINX_INCLUDE)
$(BUILD)/obj/t/unit/ngx_%.o: CFLAGS += -Wno-unused-parameter

# what bench/ needs
$(BUILD)/bench/httpload: $(BUILD)/obj/bench/httpload.o \
    $(BUILD)/obj/bench/httpload_wire.o
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lssl -lcrypto

$(BUILD)/bench/tlsload: $(patsubst %,$(BUILD)/obj/bench/%.o,tlsload \
    tlsload_run tlsload_handshake tlsload_h2 tlsload_times tlsload_tokens \
    httpload_wire)
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lm

$(BUILD)/bench/stalls: $(patsubst %,$(BUILD)/obj/bench/%.o,stalls \
    tlsload_times)
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# single functions of the request path, without nginx: what of the module's
# files nobody calls, and what that would need of nginx, is left out
MICRO = $(patsubst %.c,$(BUILD)/micro/%.o,$(wildcard bench/micro/*.c) \
    common/hars_record.c $(patsubst %,ngx_hars_module/ngx_http_hars_%.c,\
    bearer cache flight memo policy revoked thumbprint token zone))

$(BUILD)/micro/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '   cc $<'
	@$(CC) $(CPPFLAGS) -Ingx_hars_module -Ifuzz $(NGINX_INCLUDE) \
	    $(filter-out -fPIE,$(CFLAGS)) -fPIC -ffunction-sections \
	    -fdata-sections -Wno-unused-parameter -c -o $@ $<

$(BUILD)/bench/micro: $(MICRO)
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections -o $@ $^ -ljansson -lssl \
	    -lcrypto

$(BUILD)/bench/pipeline: $(patsubst %,$(BUILD)/obj/bench/%.o,pipeline \
    pipeline_wire)
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lpthread

$(BUILD)/lib/libhars_recording.a: \
    $(RECORDING:%=$(BUILD)/obj/backend/mlservice/hars_ml_%.o)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/bin/hars-dcm: $(BUILD)/lib/libhars_recording.a
$(BUILD)/obj/backend/dcm/%.o $(BUILD)/obj/t/unit/hars_dcm_%.o: \
    CPPFLAGS += -Ibackend/mlservice

$(BUILD)/obj/bench/rows.o: CPPFLAGS += -Ibackend/authserver

$(BUILD)/bench/rows: $(BUILD)/obj/bench/rows.o \
    $(BUILD)/obj/backend/authserver/hars_as_value.o \
    $(BUILD)/obj/backend/common/hars_sha256.o
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsqlite3 -lcrypto -lm

$(BUILD)/obj/bench/dcm_load.o: CPPFLAGS += -Ibackend/dcm -Ibackend/mlservice

$(BUILD)/bench/dcm_load: $(BUILD)/obj/bench/dcm_load.o \
    $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %_main.c,\
    $(wildcard backend/dcm/*.c))) $(BUILD)/lib/libhars_recording.a \
    $(BUILD)/lib/libhars_backend.a $(BUILD)/lib/libhars_record.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lmicrohttpd -lcurl -ljansson \
	    -lsqlite3 -lpq -lssl -lcrypto -lz -lm -lpthread

$(BUILD)/obj/bench/classifiers.o: CPPFLAGS += -Ibackend/mlservice

$(BUILD)/bench/classifiers: $(BUILD)/obj/bench/classifiers.o \
    $(patsubst %,$(BUILD)/obj/backend/mlservice/hars_ml_%.o,features time \
    spectrum fft sort gait inputs knn classify forest model model_forest \
    model_knn)
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcrypto -lm

$(BUILD)/obj/bench/fog.o: CPPFLAGS += -Ibackend/fog/aka
$(BUILD)/obj/bench/fogload.o: CPPFLAGS += -Ibackend/fog/aka \
                                          -Ibackend/fog/link

$(BUILD)/bench/fogload: $(BUILD)/obj/bench/fogload.o \
    $(BUILD)/lib/libhars_fog_link.a $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto -lm

$(BUILD)/bench/fog: $(BUILD)/obj/bench/fog.o $(BUILD)/lib/libhars_aka.a
	@mkdir -p $(@D)
	@echo '   ld $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsodium -lcrypto

linked = $(shell sed -n '1,40s/.*[/ ]\* *link: *//p' $(1) | sed 's,\*/.*,,')

ifdef UNIT
$(foreach f,$(shell find t/unit -name '*.c'),$(eval $(call unit,$(f))))
endif

-include $(shell for d in obj micro; do [ ! -d $(BUILD)/$$d ] \
    || find $(BUILD)/$$d -name '*.d'; done)
