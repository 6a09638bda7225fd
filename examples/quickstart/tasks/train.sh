#!/bin/sh
# Makes training data and fits a line to it; the model appears whole or not at all.
set -eu
mkdir -p generated
awk 'BEGIN { for (x = 0; x < 50; x++) printf "%d,%.3f\n", x, 2.5 * x + 4 + (x % 5 - 2) / 10 }' \
    >generated/training.csv
awk -F, '{ n++; sx += $1; sy += $2; sxx += $1 * $1; sxy += $1 * $2 }
    END {
        slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
        printf "{\"slope\": %.6f, \"intercept\": %.6f, \"rows\": %d}\n", slope, (sy - slope * sx) / n, n
    }' generated/training.csv >generated/champion.json.new
mv generated/champion.json.new generated/champion.json
echo "trained on $(wc -l <generated/training.csv) rows"
