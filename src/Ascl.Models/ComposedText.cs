namespace Ascl.Models;

/// <summary>
/// Text whose accents are part of their letters, Unicode's form C, for lower-case Latin, Greek and Cyrillic and for kana. The program runs
/// without the system's tables of languages, where string.Normalize returns what it was given.
/// </summary>
internal static class ComposedText
{
    /// <summary>For each accent the letters that may stand before it, and what they become (UnicodeData.txt, canonical decompositions).</summary>
    private static readonly Dictionary<char, (string Letters, string Composed)> Accents = new()
    {
        ['\u0300'] = ("aeiouünеиēōwâăêôơưy", "àèìòùǜǹѐѝḕṑẁầằềồờừỳ"),
        ['\u0301'] = ("aeiouyclnrszügåæøαεηιϋουωгкçēïkmõōpũwâăêôơư", "áéíóúýćĺńŕśźǘǵǻǽǿάέήίΰόύώѓќḉḗḯḱḿṍṓṕṹẃấắếốớứ"),
        ['\u0302'] = ("aeioucghjswyzạẹọ", "âêîôûĉĝĥĵŝŵŷẑậệộ"),
        ['\u0303'] = ("anoiuvâăeêôơưy", "ãñõĩũṽẫẵẽễỗỡữỹ"),
        ['\u0304'] = ("aeiouüäȧæǫöõȯygḷṛ", "āēīōūǖǟǡǣǭȫȭȱȳḡḹṝ"),
        ['\u0306'] = ("aegiouиуȩạ", "ăĕğĭŏŭйўḝặ"),
        ['\u0307'] = ("cegzaobdfhmnprsśšṣtwxyſ", "ċėġżȧȯḃḋḟḣṁṅṗṙṡṥṧṩṫẇẋẏẛ"),
        ['\u0308'] = ("aeiouyιυеіhõūwxt", "äëïöüÿϊϋёїḧṏṻẅẍẗ"),
        ['\u0309'] = ("aâăeêioôơuưy", "ảẩẳẻểỉỏổởủửỷ"),
        ['\u030A'] = ("auwy", "åůẘẙ"),
        ['\u030B'] = ("ou", "őű"),
        ['\u030C'] = ("cdelnrstzaiouügkʒjh", "čďěľňřšťžǎǐǒǔǚǧǩǯǰȟ"),
        ['\u030F'] = ("aeioru", "ȁȅȉȍȑȕ"),
        ['\u0311'] = ("aeioru", "ȃȇȋȏȓȗ"),
        ['\u0323'] = ("bdhklmnrstvwzaeioơuưy", "ḅḍḥḳḷṃṇṛṣṭṿẉẓạẹịọợụựỵ"),
        ['\u0324'] = ("u", "ṳ"),
        ['\u0325'] = ("a", "ḁ"),
        ['\u0326'] = ("st", "șț"),
        ['\u0327'] = ("cgklnrstedh", "çģķļņŗşţȩḑḩ"),
        ['\u0328'] = ("aeiuo", "ąęįųǫ"),
        ['\u032D'] = ("delntu", "ḓḙḽṋṱṷ"),
        ['\u032E'] = ("h", "ḫ"),
        ['\u0330'] = ("eiu", "ḛḭṵ"),
        ['\u0331'] = ("bdklnrtzh", "ḇḏḵḻṉṟṯẕẖ"),
        ['\u3099'] = ("かきくけこさしすせそたちつてとはひふへほうゝカキクケコサシスセソタチツテトハヒフヘホウワヰヱヲヽ", "がぎぐげござじずぜぞだぢづでどばびぶべぼゔゞガギグゲゴザジズゼゾダヂヅデドバビブベボヴヷヸヹヺヾ"),
        ['\u309A'] = ("はひふへほハヒフヘホ", "ぱぴぷぺぽパピプペポ"),
    };

    /// <summary>Puts each accent into the letter before it.</summary>
    public static string Of(string text)
    {
        List<char> composed = [];
        foreach (char c in text)
        {
            int letter = -1;
            if (composed.Count > 0 && Accents.TryGetValue(c, out var accent))
                letter = accent.Letters.IndexOf(composed[^1], StringComparison.Ordinal);
            if (letter < 0)
                composed.Add(c);
            else
                composed[^1] = Accents[c].Composed[letter];
        }
        return new string([.. composed]);
    }
}
