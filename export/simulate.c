/* Simulates network.bin on inputs.bin and prints "trial step neuron" for every spike.
 *     cc -O2 -ffp-contract=off -o simulate simulate.c && ./simulate network.bin inputs.bin
 * The layouts of both files are in network.json, little-endian. One step: v is integrated with the
 * charge q of its start and floored, q decays, the threshold is tested, spikes whose delay has passed
 * arrive. The readout is in the file and not computed here. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOR(i, low, high) for (int32_t i = (low); i < (high); i++)
enum { MAGIC, VERSION, N, C, K, SYNAPSES, IN_SYNAPSES, PER_INPUT, DELAY, OWN, CODE_BYTES, ROWS, HEADER };
enum { DECAY_MEM, GAIN_SYN, GAIN_IN, CONSTANT, V_MIN, DECAY_SYN, V_TH, RESET_GAIN, RESET_SHIFT,
       FIELDS };

static void *take(FILE *file, size_t size, size_t count) /* zeros where there is no file */
{
    void *block = calloc(count + 1, size);
    if (!block || (file && fread(block, size, count, file) != count)) {
        fputs("simulate: the file is truncated, or memory is short\n", stderr);
        exit(2);
    }
    return block;
}

static float weight(const void *codes, int32_t bytes, int32_t k, float scale)
{
    if (bytes == 4)
        return ((const float *)codes)[k];
    return (float)(bytes == 1 ? ((const int8_t *)codes)[k] : ((const int16_t *)codes)[k]) * scale;
}

int main(int count, char **names)
{
    FILE *file = count == 3 ? fopen(names[1], "rb") : NULL, *in = file ? fopen(names[2], "rb") : 0;
    int32_t *head = in ? take(file, 4, HEADER) : NULL;
    if (!head || head[MAGIC] != 0x544d4942 || head[VERSION] != 2 || head[ROWS] > FIELDS) {
        fputs("usage: simulate network.bin inputs.bin (network.bin of version 2)\n", stderr);
        return 2;
    }
    int32_t n = head[N], bytes = head[CODE_BYTES], rows = head[DELAY] + 1, own = head[OWN];
    float *p[FIELDS];
    FOR(field, 0, head[ROWS]) p[field] = take(file, 4, n);
    float *scale = take(file, 4, n), *in_scale = take(file, 4, n);
    int32_t *hold = take(file, 4, n), *indptr = take(file, 4, n + 1), *trials = take(in, 4, 1);
    int32_t *targets = take(file, 4, head[SYNAPSES]);
    int32_t *delays = take(file, 4, own ? head[SYNAPSES] : 0);
    void *codes = take(file, bytes, head[SYNAPSES]);
    int32_t *in_indptr = take(file, 4, head[C] + 1), *in_targets = take(file, 4, head[IN_SYNAPSES]);
    void *in_codes = take(file, bytes, head[IN_SYNAPSES]);
    float *q = take(NULL, 4, n), *drive = take(NULL, 4, n);
    size_t width = (size_t)n + 1; /* a row: charges due, or the number of spikes and their neurons */
    float *ring = take(NULL, 4, own ? rows * width : 0);
    int32_t *sent = take(NULL, 4, own ? 0 : rows * width), *free_at = take(NULL, 4, n);
    FOR(trial, 0, *trials) {
        int32_t *length = take(in, 4, 1), step = 0;
        float *v = take(in, 4, n);
        memset(q, 0, 4 * width), memset(free_at, 0, 4 * width);
        memset(own ? (void *)ring : (void *)sent, 0, 4 * rows * width);
        FOR(row, 0, *length) {
            float *levels = take(in, 4, head[C]);
            memset(drive, 0, 4 * width);
            FOR(c, 0, head[C]) FOR(k, in_indptr[c], levels[c] != 0 ? in_indptr[c + 1] : 0) {
                int32_t j = in_targets[k];
                drive[j] += levels[c] * weight(in_codes, bytes, k, in_scale[j]);
            }
            free(levels);
            FOR(j, 0, n) drive[j] = p[GAIN_IN][j] * drive[j] + p[CONSTANT][j];
            for (int32_t sub = 0; sub < head[PER_INPUT]; sub++, step++) {
                FOR(j, 0, n) {
                    float moved = p[DECAY_MEM][j] * v[j] + p[GAIN_SYN][j] * q[j] + drive[j];
                    if (free_at[j] <= step)
                        v[j] = moved > p[V_MIN][j] ? moved : p[V_MIN][j];
                    q[j] *= p[DECAY_SYN][j];
                }
                int32_t *now = sent + (own ? 0 : step % rows * width);
                now[0] = 0;
                FOR(j, 0, n) {
                    if (!(v[j] > p[V_TH][j]) || free_at[j] > step)
                        continue;
                    printf("%d %d %d\n", trial, step, j);
                    v[j] = p[RESET_GAIN][j] * v[j] + p[RESET_SHIFT][j];
                    free_at[j] = step + 1 + hold[j];
                    if (!own)
                        now[++now[0]] = j;
                    else FOR(k, indptr[j], indptr[j + 1])
                        ring[(step + delays[k]) % rows * width + targets[k]] +=
                            weight(codes, bytes, k, scale[targets[k]]);
                }
                float *due = ring + (own ? step % rows * width : 0);
                int32_t *past = sent + (own ? 0 : (step + 1) % rows * width);
                if (own) /* each synapse has its own delay: what is due was summed before */
                    FOR(j, 0, n) q[j] += due[j], due[j] = 0;
                else /* one delay: the spikes of that many steps ago arrive one by one */
                    FOR(s, 1, past[0] + 1) FOR(k, indptr[past[s]], indptr[past[s] + 1])
                        q[targets[k]] += weight(codes, bytes, k, scale[targets[k]]);
            }
        }
        free(v), free(length);
    }
    return 0;
}
