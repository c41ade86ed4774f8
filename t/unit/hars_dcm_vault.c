
/*
 * Keys: what is sealed opens under its key and name alone; data keys wrap and
 * are changed; files that are none are refused.
 */

/* link: common/hars_record.c backend/common/hars_log.c -lcrypto */

#include "../../backend/dcm/hars_dcm_vault.c"

#include "tap.h"

#include <sys/stat.h>
#include <unistd.h>


static char  dir[] = "/tmp/hars-vault-XXXXXX";


static char *
key_file(const char *name, const char *digits, mode_t mode)
{
    FILE         *f;
    unsigned      i;
    static char   path[4][64];
    static int    n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
    f = fopen(path[n], "w");

    for (i = 0; i < 32; i++) {
        fputs(digits, f);
    }

    fclose(f);
    chmod(path[n], mode);

    return path[n];
}


static hars_vault_t *
vault(char *first, char *second)
{
    char                 error[HARS_VAULT_ERROR];
    hars_setting_list_t  list = { .n = second ? 2 : 1,
                                  .value = { first, second } };

    return hars_vault_create(&list, error);
}


static void
test_seal(void)
{
    char                 name[HARS_VAULT_NAME], other[HARS_VAULT_NAME];
    unsigned             i, good;
    unsigned char        plain[100], sealed[100 + HARS_VAULT_SEAL];
    unsigned char        again[100 + HARS_VAULT_SEAL], open[100];
    hars_patient_key_t   key, wrong;

    memset(&key, 1, sizeof(key));
    memset(&wrong, 2, sizeof(wrong));
    memset(plain, 'x', sizeof(plain));
    hars_seal_name(name, "block", "p1", "%d\n%s", 17, "r");
    hars_seal_name(other, "block", "p2", "%d\n%s", 17, "r");

    ok(strcmp(name, "block\np1\n17\nr") == 0, "a name");
    ok(hars_seal_bytes(&key, name, plain, 100, sealed) == HARS_OK, "sealed");
    ok(memmem(sealed, sizeof(sealed), "xxxx", 4) == NULL, "unreadable");
    hars_seal_bytes(&key, name, plain, 100, again);
    ok(memcmp(sealed, again, sizeof(sealed)) != 0, "each time another");

    ok(hars_open_bytes(&key, name, sealed, sizeof(sealed), open) == HARS_OK
       && memcmp(open, plain, 100) == 0, "opened");
    ok(hars_open_bytes(&wrong, name, sealed, sizeof(sealed), open) != HARS_OK,
       "not by another key");
    ok(hars_open_bytes(&key, other, sealed, sizeof(sealed), open) != HARS_OK,
       "nor as something else");
    ok(memmem(open, sizeof(open), "xxxx", 4) == NULL, "nothing is left of it");

    good = 1;

    for (i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        good &= hars_open_bytes(&key, name, sealed, sizeof(sealed), open)
                != HARS_OK;
        sealed[i] ^= 1;
        good &= hars_open_bytes(&key, name, sealed, i, open) != HARS_OK;
    }

    ok(good, "nor with a bit changed, nor cut off");

    ok(hars_seal_bytes(&key, name, "", 0, sealed) == HARS_OK
       && hars_open_bytes(&key, name, sealed, HARS_VAULT_SEAL, open)
          == HARS_OK, "nothing, sealed");
}


static void
test_wrap(void)
{
    char               *one, *two;
    hars_vault_t       *first, *both, *second;
    unsigned char       wrapped[HARS_VAULT_WRAPPED], old[HARS_VAULT_WRAPPED];
    hars_patient_key_t  key, again;

    one = key_file("one", "1a", 0600);
    two = key_file("two", "2b", 0600);
    first = vault(one, NULL);
    both = vault(two, one);
    second = vault(two, NULL);

    ok(first && both && second, "data keys");
    ok(hars_vault_make(first, "p1", wrapped) == HARS_OK, "a patient's key");
    ok(hars_vault_unwrap(first, "p1", wrapped, &key) == HARS_OK, "unwrapped");
    ok(memmem(wrapped, sizeof(wrapped), key.bytes, HARS_KEY_LEN) == NULL,
       "it was not there as it is");
    ok(hars_vault_unwrap(first, "p2", wrapped, &again) != HARS_OK,
       "it is nobody else's");
    ok(hars_vault_unwrap(second, "p1", wrapped, &again) != HARS_OK,
       "nor of another data key");

    memcpy(old, wrapped, sizeof(old));
    ok(hars_vault_rewrap(first, "p1", wrapped) == HARS_DECLINED
       && memcmp(old, wrapped, sizeof(old)) == 0, "it stays as it is");
    ok(hars_vault_rewrap(both, "p1", wrapped) == HARS_OK, "wrapped anew");
    ok(hars_vault_unwrap(second, "p1", wrapped, &again) == HARS_OK
       && memcmp(&key, &again, sizeof(key)) == 0, "by the new one");
    ok(hars_vault_unwrap(first, "p1", wrapped, &again) != HARS_OK,
       "the old one is of no use");
    ok(hars_vault_unwrap(both, "p1", old, &again) == HARS_OK,
       "while there are both a backup opens");

    hars_vault_make(first, "p1", old);
    hars_vault_unwrap(first, "p1", old, &again);
    ok(memcmp(&key, &again, sizeof(key)) != 0, "each key is another one");

    hars_vault_free(first);
    hars_vault_free(both);
    hars_vault_free(second);
}


int
main(void)
{
    hars_log_init("hars");

    if (mkdtemp(dir) == NULL) {
        return EXIT_FAILURE;
    }

    test_seal();
    test_wrap();

    ok(vault(key_file("short", "1", 0600), NULL) == NULL, "half a key");
    ok(vault(key_file("open", "1a", 0644), NULL) == NULL, "for others");
    ok(vault("/nothing", NULL) == NULL, "no file");

    unlink(key_file("one", "", 0600));
    unlink(key_file("two", "", 0600));
    unlink(key_file("short", "", 0600));
    unlink(key_file("open", "", 0600));
    rmdir(dir);

    return tap_done();
}
