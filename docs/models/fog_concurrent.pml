/* fogconc.pml - the fog node's own pseudonym with several sessions in flight (no adversary at all: only reordering and loss)
   -DPAPER  one pseudonym, replaced on every accepted M2;  -DNAIVE  {prev,cur}, fresh one always;
   -DV1     {prev,cur}, idempotent; FN adopts only from an M3 whose M2 went out under the pseudonym FN still holds
   -DV1BAD  as V1, FN adopts from every M3 */
#ifndef L
#define L 1
#endif
#define MAXS 5
byte fn = 1, cur = 1, prev = 0, next = 2, sent = 0, infl = 0, loss = L;
bool rej = false;
chan m2 = [3] of { byte };            /* pid */
chan m3 = [3] of { byte, byte };      /* pid it was sent under, new pid (0 = refused) */
active proctype FN() {
  byte u, p;
end:
  do
  :: sent < MAXS && infl < 3 -> atomic { m2 ! fn; sent++; infl++ }
  :: m3 ?? u, p -> atomic { infl--;      /* any order */
       if :: p == 0 -> skip
#if defined(V1)
          :: p != 0 && u == fn -> fn = p
          :: p != 0 && u != fn -> skip
#else
          :: p != 0 -> fn = p
#endif
       fi }
  od
}
active proctype CSp() {
  byte p;
end:
  do
  :: m2 ? p -> atomic {
#if defined(PAPER)
     if :: p == cur -> cur = next; next++; m3 ! p, cur
        :: else -> m3 ! p, 0; if :: p == fn -> rej = true :: else -> skip fi
     fi
#elif defined(NAIVE)
     if :: p == cur -> prev = cur; cur = next; next++; m3 ! p, cur
        :: p != cur && p == prev -> cur = next; next++; m3 ! p, cur
        :: else -> m3 ! p, 0; if :: p == fn -> rej = true :: else -> skip fi
     fi
#else
     if :: p == cur -> prev = cur; cur = next; next++; m3 ! p, cur
        :: p != cur && p == prev -> m3 ! p, cur
        :: else -> m3 ! p, 0; if :: p == fn -> rej = true :: else -> skip fi
     fi
#endif
     p = 0 }
  od
}
active proctype Net() {               /* reorders M3 by sending the head to the back, loses up to L */
  byte u, p;
end:
  do
  :: atomic { len(m3) > 1 -> m3 ? u, p; m3 ! u, p; u = 0; p = 0 }
  :: atomic { loss > 0 && len(m3) > 0 -> m3 ? u, p; loss--; infl--; u = 0; p = 0 }
  :: atomic { loss > 0 && len(m2) > 0 -> m2 ? p; loss--; infl--; p = 0 }
  od
}
#ifdef NOREJ
ltl norej { [] !rej }
#else
ltl insync { [] (fn == cur || fn == prev) }
#endif
