namespace Agent.Configuration;

/// <summary>Guesses what was meant by a misspelt word.</summary>
internal static class Spelling
{
    /// <summary>The candidate with the fewest edits from <paramref name="word"/>, letter case aside; null when none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        string? nearest = null;
        int fewest = 2 + word.Length / 4;
        foreach (string candidate in candidates.Where(candidate => Math.Abs(candidate.Length - word.Length) < fewest))
        {
            int edits = Edits(word.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (edits < fewest)
                (nearest, fewest) = (candidate, edits);
        }
        return nearest;
    }

    // Levenshtein's distance; row[j] is the distance between the part of `a` seen so far and the first j letters of `b`.
    private static int Edits(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[^1];
    }
}
