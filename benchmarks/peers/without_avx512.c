/* Preloaded into a process, it answers CPUID for a processor that has AVX2 and no AVX-512.

   Libraries that read no variable ask the processor itself. Linux lets that instruction fault where
   the processor can (arch_prctl(2), ARCH_SET_CPUID); the handler asks in the program's place and takes
   from the answer what came after AVX2. The meaning of the bits: Intel 64 Software Developer's Manual,
   volume 2A, CPUID. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (1u << (n))

static const uint8_t CPUID[] = {0x0f, 0xa2};
typedef int (*Set)(int, const struct sigaction *, struct sigaction *);

static Set the_real(void) { return (Set)dlsym(RTLD_NEXT, "sigaction"); }

static void answer(int signal_number, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)r[REG_RIP];
    if (info->si_code != SI_KERNEL || code[0] != CPUID[0] || code[1] != CPUID[1]) {
        /* A real fault: it comes again, and ends the process. */
        struct sigaction usual = {.sa_handler = SIG_DFL};
        the_real()(signal_number, &usual, 0);
        return;
    }
    uint32_t leaf = r[REG_RAX], part = r[REG_RCX], a, b, c, d;
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "0"(leaf), "2"(part));
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
    if (leaf == 7 && part == 0) {
        /* AVX512F, DQ, IFMA, PF, ER, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ; 4VNNIW,
           4FMAPS, VP2INTERSECT, AMX-BF16, FP16, AMX-TILE, AMX-INT8. */
        b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    } else if (leaf == 7 && part == 1) {
        /* AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA; AVX-VNNI-INT8, NE-CONVERT, AMX-COMPLEX,
           VNNI-INT16, AVX10. */
        a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));
        d &= ~(BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19));
    } else if (leaf == 0xd && part == 0) {
        a &= ~(BIT(5) | BIT(6) | BIT(7) | BIT(17) | BIT(18)); /* what the system saves of them */
    } else if (leaf == 0x24) {
        a = b = c = d = 0; /* versions of AVX10 */
    }
    r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
    r[REG_RIP] += sizeof CPUID;
}

/* Python's faulthandler would take the signal away. */
int sigaction(int number, const struct sigaction *new, struct sigaction *old) {
    return the_real()(number, number == SIGSEGV ? 0 : new, old);
}

__attribute__((constructor)) static void start(void) {
    struct sigaction ours = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    the_real()(SIGSEGV, &ours, 0);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
}
