// A stereo VST3 effect with two parameters and a bypass, as small as the format allows: what the tests of clvap/data/plugins.py host.
// Built by tests/clvap/test_plugins.py with the VST3 SDK that comes with JUCE (Debian: juce-modules-source).

#include <cmath>

#include "pluginterfaces/gui/iplugview.h"
#include "pluginterfaces/vst/ivstaudioprocessor.h"
#include "pluginterfaces/vst/ivstparameterchanges.h"
#include "public.sdk/source/vst/vstcomponent.h"
#include "public.sdk/source/vst/vsteditcontroller.h"
#include "public.sdk/source/vst/vstparameters.h"

namespace Steinberg {
DEF_CLASS_IID (IPlugView)
}

using namespace Steinberg;
using namespace Steinberg::Vst;

static const FUID kDriveId (0x6F1C4A52, 0x0B7E4D19, 0x9A35C2D8, 0x41E07B01);
static const FUID kControllerId (0x6F1C4A52, 0x0B7E4D19, 0x9A35C2D8, 0x41E07B02);
enum { kGain = 1, kDrive, kBypass };

// Out = gain * tanh (in * (1 + 9 drive)), gain 0 to 2, drive 0 to 1.
class DriveProcessor : public Component, public IAudioProcessor {
public:
    DriveProcessor () { setControllerClass (kControllerId); }

    tresult PLUGIN_API initialize (FUnknown* context) override {
        const auto result = Component::initialize (context);
        for (auto* buses : {&audioInputs, &audioOutputs})
            buses->push_back (IPtr<Bus> (new AudioBus (STR16 ("Stereo"), kMain, BusInfo::kDefaultActive, SpeakerArr::kStereo), false));
        return result;
    }
    tresult PLUGIN_API setBusArrangements (SpeakerArrangement* in, int32 ins, SpeakerArrangement* out, int32 outs) override {
        return ins == 1 && outs == 1 && in[0] == SpeakerArr::kStereo && out[0] == SpeakerArr::kStereo ? kResultTrue : kResultFalse;
    }
    tresult PLUGIN_API getBusArrangement (BusDirection, int32, SpeakerArrangement& arrangement) override {
        arrangement = SpeakerArr::kStereo;
        return kResultTrue;
    }
    tresult PLUGIN_API canProcessSampleSize (int32 size) override { return size == kSample32 ? kResultTrue : kResultFalse; }
    uint32 PLUGIN_API getLatencySamples () override { return 0; }
    uint32 PLUGIN_API getTailSamples () override { return 0; }
    tresult PLUGIN_API setupProcessing (ProcessSetup&) override { return kResultOk; }
    tresult PLUGIN_API setProcessing (TBool) override { return kResultOk; }
    tresult PLUGIN_API setState (IBStream*) override { return kResultOk; }
    tresult PLUGIN_API getState (IBStream*) override { return kResultOk; }

    tresult PLUGIN_API process (ProcessData& data) override {
        takeParameters (data.inputParameterChanges);
        if (data.numInputs < 1 || data.numOutputs < 1)
            return kResultOk;
        for (int channel = 0; channel < 2; ++channel)
            for (int32 n = 0; n < data.numSamples; ++n)
                data.outputs[0].channelBuffers32[channel][n] =
                    static_cast<float> (gain * std::tanh (data.inputs[0].channelBuffers32[channel][n] * (1 + 9 * drive)));
        return kResultOk;
    }

    OBJ_METHODS (DriveProcessor, Component)
    DEFINE_INTERFACES
        DEF_INTERFACE (IAudioProcessor)
    END_DEFINE_INTERFACES (Component)
    REFCOUNT_METHODS (Component)

private:
    void takeParameters (IParameterChanges* changes) {
        for (int32 i = 0; changes && i < changes->getParameterCount (); ++i) {
            auto* queue = changes->getParameterData (i);
            ParamValue value;
            int32 offset;
            if (!queue || queue->getPointCount () < 1 || queue->getPoint (queue->getPointCount () - 1, offset, value) != kResultTrue)
                continue;
            if (queue->getParameterId () == kGain)
                gain = 2 * value;
            if (queue->getParameterId () == kDrive)
                drive = value;
        }
    }

    double gain = 1, drive = 0;
};

class DriveController : public EditController {
public:
    tresult PLUGIN_API initialize (FUnknown* context) override {
        const auto result = EditController::initialize (context);
        parameters.addParameter (new RangeParameter (STR16 ("Gain"), kGain, STR16 ("x"), 0, 2, 1));
        parameters.addParameter (new RangeParameter (STR16 ("Drive"), kDrive, nullptr, 0, 1, 0));
        parameters.addParameter (STR16 ("Bypass"), nullptr, 1, 0, ParameterInfo::kCanAutomate | ParameterInfo::kIsBypass, kBypass);
        return result;
    }
};

class Factory : public IPluginFactory {
public:
    tresult PLUGIN_API queryInterface (const TUID id, void** made) override {
        const bool known = FUnknownPrivate::iidEqual (id, FUnknown::iid) || FUnknownPrivate::iidEqual (id, IPluginFactory::iid);
        *made = known ? this : nullptr;
        return known ? kResultOk : kNoInterface;
    }
    uint32 PLUGIN_API addRef () override { return 1; }
    uint32 PLUGIN_API release () override { return 1; }
    tresult PLUGIN_API getFactoryInfo (PFactoryInfo* info) override {
        *info = PFactoryInfo ("CLVAP tests", "", "", PFactoryInfo::kUnicode);
        return kResultOk;
    }
    int32 PLUGIN_API countClasses () override { return 2; }
    tresult PLUGIN_API getClassInfo (int32 index, PClassInfo* info) override {
        *info = index == 0 ? PClassInfo (kDriveId, PClassInfo::kManyInstances, kVstAudioEffectClass, "Drive")
                           : PClassInfo (kControllerId, PClassInfo::kManyInstances, kVstComponentControllerClass, "Drive");
        return kResultOk;
    }
    tresult PLUGIN_API createInstance (FIDString classId, FIDString interfaceId, void** made) override {
        FUnknown* instance = nullptr;
        if (FUnknownPrivate::iidEqual (classId, kDriveId.toTUID ()))
            instance = static_cast<IAudioProcessor*> (new DriveProcessor);
        else if (FUnknownPrivate::iidEqual (classId, kControllerId.toTUID ()))
            instance = static_cast<IEditController*> (new DriveController);
        else
            return kNoInterface;
        const auto result = instance->queryInterface (*reinterpret_cast<const TUID*> (interfaceId), made);
        instance->release ();
        return result;
    }
};

extern "C" {
__attribute__ ((visibility ("default"))) IPluginFactory* PLUGIN_API GetPluginFactory () {
    static Factory factory;
    return &factory;
}
__attribute__ ((visibility ("default"))) bool ModuleEntry (void*) { return true; }
__attribute__ ((visibility ("default"))) bool ModuleExit () { return true; }
}
